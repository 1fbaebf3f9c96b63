#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/awaitable.hpp"
#include "async/blocking_pool.hpp"
#include "base/result.hpp"
#include "runtime/access/requirement.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::rpc {

/// Who calls a handler, and what of the request it may want. Lives as long as the call.
struct Caller {
  access::PrincipalPtr principal;
  std::string correlation_id;
  std::string address;     ///< the client's, trusted proxies resolved
  std::string user_agent;
  bool forwarded = false;  ///< came through something that says so in a header

  /// REQUIRES a user (the procedure's type is `user`).
  UserId user_id() const {
    WATCHBELL_ASSERT(principal->kind == access::Principal::Kind::user);
    return UserId(principal->id);
  }
  bool holds(std::string_view rule) const {
    return principal->kind == access::Principal::Kind::service || principal->rules->holds(rule);
  }
};

/// An answer whose bytes exist already: the whole envelope of a T, encoded once and lent to every reader.
template <class T>
struct Encoded {
  std::shared_ptr<const std::string> bytes;
};
template <class T>
Encoded<T> encoded(const T& value) {
  return {std::make_shared<const std::string>(to_envelope(value))};
}

/// What a procedure answered: the envelope, or an error.
using Bytes = std::variant<std::string, std::shared_ptr<const std::string>>;
using Reply = Result<Bytes>;

/// What a procedure's pipeline needs of its surroundings while one call runs. Made by the dispatcher. Loop-only.
class CallContext {
 public:
  virtual ~CallContext() = default;
  /// The request body, or the `data` parameter of a GET. Stays valid during the call.
  virtual std::string_view body() const = 0;
  /// Authenticates and authorizes; on success caller() is known.
  virtual awaitable<Result<void>> admit() = 0;
  virtual const Caller& caller() const = 0;
  virtual async::BlockingPool& pool() = 0;
};

enum class Kind { query, mutation };

struct ProcedureOptions {
  std::size_t body_limit = 0;  ///< bytes of a request body; 0: what the server allows for any request
};

/// One procedure of an area. Immutable once registered.
class Procedure {
 public:
  Procedure(std::string area, std::string name, Kind kind, access::Requirement access, ProcedureOptions options)
      : area_(std::move(area)), name_(std::move(name)), kind_(kind), access_(std::move(access)), options_(options) {}
  virtual ~Procedure() = default;

  const std::string& area() const noexcept { return area_; }
  const std::string& name() const noexcept { return name_; }
  Kind kind() const noexcept { return kind_; }
  const access::Requirement& access() const noexcept { return access_; }
  const ProcedureOptions& options() const noexcept { return options_; }
  virtual SchemaPtr input() const = 0;
  /// Whether the input as a whole may be left out.
  virtual bool input_optional() const = 0;
  virtual SchemaPtr output() const = 0;
  /// Decode, admit, validate, handle, encode: the stages of one call, in this order.
  virtual awaitable<Reply> call(CallContext& context) const = 0;

 private:
  std::string area_;
  std::string name_;
  Kind kind_;
  access::Requirement access_;
  ProcedureOptions options_;
};

namespace detail {

template <class T>
struct HandlerTraits : HandlerTraits<decltype(&T::operator())> {};
template <class C, class R>
struct HandlerTraits<R (C::*)(const Caller&) const> {
  using Input = void;
  using Return = R;
};
template <class C, class R, class In>
struct HandlerTraits<R (C::*)(const Caller&, In) const> {
  using Input = std::remove_cvref_t<In>;
  using Return = R;
};

template <class T>
struct ReturnTraits {
  using Value = T;
  static constexpr bool kAwaitable = false;
};
template <class T>
struct ReturnTraits<awaitable<T>> : ReturnTraits<T> {
  static constexpr bool kAwaitable = true;
};
template <class T>
struct ReturnTraits<Result<T>> {
  using Value = T;
  static constexpr bool kAwaitable = false;
};
template <class T>
struct ReturnTraits<awaitable<Result<T>>> {
  using Value = T;
  static constexpr bool kAwaitable = true;
};

template <class T>
struct OutputOf {
  using Type = T;
};
template <class T>
struct OutputOf<Encoded<T>> {
  using Type = T;
};

template <class T>
SchemaPtr schema_or_none() {
  if constexpr (std::is_void_v<T>) return simple_schema(Schema::Kind::none);
  else return schema_of<T>();
}

template <class T>
Bytes to_bytes(const T& value) {
  return to_envelope(value);
}
template <class T>
Bytes to_bytes(const Encoded<T>& value) {
  return value.bytes;
}

/// An input decoded, with what is wrong with it; the rights are judged before the issues are answered.
template <class In>
struct Decoded {
  Result<void> parsed;
  Issues issues;
  In value{};
};
template <class In>
void decode(std::string_view body, Decoded<In>& out) {
  Envelope envelope;
  out.parsed = envelope.parse(body);
  if (!out.parsed) return;
  // An input that is optional as a whole may be undefined.
  if constexpr (is_optional<In>) {
    if (envelope.value() == nullptr || envelope.tag(envelope.value()) == Tag::undefined) return;
  }
  Codec<In>::decode(Input{envelope.value(), &envelope, &out.issues, nullptr}, out.value);
}

/// Bodies longer than this are decoded on the pool, so that the loop stays free.
inline constexpr std::size_t kDecodeOnPool = 64 * 1024;

/// The procedure of one handler: its types of input and output are those of F, and so are its schemas and the stages of its calls. Immutable.
template <class F>
class ProcedureOf final : public Procedure {
  using Traits = HandlerTraits<F>;
  using In = typename Traits::Input;
  using Return = ReturnTraits<typename Traits::Return>;
  using Out = typename Return::Value;

 public:
  ProcedureOf(std::string area, std::string name, Kind kind, access::Requirement access, ProcedureOptions options, F handler)
      : Procedure(std::move(area), std::move(name), kind, std::move(access), options), handler_(std::move(handler)) {}

  SchemaPtr input() const override { return schema_or_none<In>(); }
  bool input_optional() const override { return std::is_void_v<In> || is_optional<In>; }
  SchemaPtr output() const override { return schema_or_none<typename OutputOf<Out>::Type>(); }

  awaitable<Reply> call(CallContext& context) const override {
    if constexpr (std::is_void_v<In>) {
      const auto parse = [&] { return Envelope().parse(context.body()); };
      Result<void> parsed;
      if (context.body().size() > kDecodeOnPool) parsed = co_await context.pool().run(parse);
      else parsed = parse();
      if (!parsed) co_return std::unexpected(std::move(parsed.error()));
      if (auto admitted = co_await context.admit(); !admitted) co_return std::unexpected(std::move(admitted.error()));
      if constexpr (Return::kAwaitable) co_return answer(co_await handler_(context.caller()));
      else co_return answer(handler_(context.caller()));
    } else {
      Decoded<In> input;
      if (context.body().size() > kDecodeOnPool) {
        auto decoded = co_await context.pool().run([&] { decode<In>(context.body(), input); });
        if (!decoded) co_return std::unexpected(std::move(decoded.error()));
      } else {
        decode<In>(context.body(), input);
      }
      if (!input.parsed) co_return std::unexpected(std::move(input.parsed.error()));
      if (auto admitted = co_await context.admit(); !admitted) co_return std::unexpected(std::move(admitted.error()));
      if (!input.issues.empty()) co_return std::unexpected(input.issues.error());
      if constexpr (Return::kAwaitable) co_return answer(co_await handler_(context.caller(), std::move(input.value)));
      else co_return answer(handler_(context.caller(), std::move(input.value)));
    }
  }

 private:
  template <class T>
  static Reply answer(Result<T> result) {
    if (!result) return std::unexpected(std::move(result.error()));
    if constexpr (std::is_void_v<T>) return Bytes(std::string("{}"));
    else return to_bytes(*result);
  }
  template <class T>
    requires(!AnyResult<T>)
  static Reply answer(const T& value) {
    return to_bytes(value);
  }

  F handler_;
};

}  // namespace detail

/// An area: its access rules and its procedures, one line each. Handlers are lambdas `[&s](const Caller&, Input) { return s.use_case(...); }`
/// returning awaitable<Result<Output>> or Result<Output>; they must not be coroutines themselves (their captures would not live in the frame).
/// Immutable once mounted; Loop-only until then.
class Area {
 public:
  explicit Area(std::string name) : name_(std::move(name)) {}

  Area& rule(access::Rule rule) {
    rules_.push_back(std::move(rule));
    return *this;
  }
  template <class F>
  Area& query(std::string name, access::Requirement access, F handler, ProcedureOptions options = {}) {
    return add(Kind::query, std::move(name), std::move(access), std::move(handler), options);
  }
  template <class F>
  Area& mutation(std::string name, access::Requirement access, F handler, ProcedureOptions options = {}) {
    return add(Kind::mutation, std::move(name), std::move(access), std::move(handler), options);
  }

  const std::string& name() const noexcept { return name_; }
  const std::vector<access::Rule>& rules() const noexcept { return rules_; }
  const std::vector<std::shared_ptr<const Procedure>>& procedures() const noexcept { return procedures_; }

 private:
  template <class F>
  Area& add(Kind kind, std::string name, access::Requirement access, F handler, ProcedureOptions options) {
    procedures_.push_back(std::make_shared<detail::ProcedureOf<F>>(name_, std::move(name), kind, std::move(access), options, std::move(handler)));
    return *this;
  }
  std::string name_;
  std::vector<access::Rule> rules_;
  std::vector<std::shared_ptr<const Procedure>> procedures_;
};

}  // namespace watchbell::rpc
