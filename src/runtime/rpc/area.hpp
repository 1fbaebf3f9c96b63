#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/awaitable.hpp"
#include "async/blocking_pool.hpp"
#include "async/value_task.hpp"
#include "base/result.hpp"
#include "runtime/access/objects.hpp"
#include "runtime/access/requirement.hpp"
#include "runtime/rpc/codec.hpp"
#include "runtime/rpc/members.hpp"

namespace watchbell::rpc {

/// Who calls a handler, and what of the request it may want. Lives as long as the call, and so do its views.
struct Caller {
  access::PrincipalPtr principal;
  std::string_view correlation_id;
  std::string_view address;  ///< the client's, trusted proxies resolved
  std::string_view user_agent;
  bool forwarded = false;              ///< came through something that says so in a header
  access::Reach sees;                  ///< which objects he sees of the type the procedure shows or is judged by; of other procedures none
  std::vector<std::string> forbidden;  ///< of a procedure on many objects: those he asked for and may not act on

  /// REQUIRES a user (the procedure's type is `user`).
  UserId user_id() const {
    WATCHBELL_ASSERT(principal->kind == access::Principal::Kind::user);
    return UserId(principal->id);
  }
  bool holds(std::string_view rule) const { return principal->kind == access::Principal::Kind::service || principal->rules->holds(rule); }
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

/// An answer kept both ways: its bytes for callers who see all of it, and the value that is filtered for the others. Immutable.
template <class T>
struct Kept {
  std::shared_ptr<const T> value;
  std::shared_ptr<const std::string> bytes;
};
template <class T>
Kept<T> kept(T value) {
  auto shared = std::make_shared<const T>(std::move(value));
  return {shared, std::make_shared<const std::string>(to_envelope(*shared))};
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
  /// Whether the body is the input itself (REST), not an envelope that holds it.
  virtual bool plain() const { return false; }
  /// Finds out who calls; on success caller() is known.
  virtual awaitable<Result<void>> authenticate() = 0;
  /// Judges the kind of caller and, unless objects are judged, his rules.
  virtual Result<void> authorize() = 0;
  /// Whether that is not the end of it:
  virtual bool judges_objects() const = 0;
  /// judges the objects, and learns which of them the caller sees.
  virtual awaitable<Result<void>> authorize_objects(Named named) = 0;
  virtual const Caller& caller() const = 0;
  virtual async::BlockingPool& pool() = 0;
  /// authenticate() and authorize(), of objects too, of a call that passes all of it without waiting and may act on all objects; caller() is known then.
  /// False: not so, and nothing is counted.
  virtual bool admit_now() { return false; }
  /// Counts against the caller's rate limit. REQUIRES admit_now(). False: there was no token.
  virtual bool count_now() { return false; }
};

enum class Kind { query, mutation };

/// The verb of a procedure over REST; by convention that which its kind and name say (rest.hpp).
enum class Verb { by_convention, get, post, put, patch, delete_ };

struct ProcedureOptions {
  std::size_t body_limit = 0;  ///< bytes of a request body; 0: what the server allows for any request
  Verb verb = Verb::by_convention;
  bool tries_secrets = false;  ///< calls count against the limit of sign-ins, at a door of their own
};
/// The last word on a procedure's line when the convention does not fit: `.query("searchUsers", user(), handler, kOverPost)`.
inline constexpr ProcedureOptions kOverGet{.verb = Verb::get};
inline constexpr ProcedureOptions kOverPost{.verb = Verb::post};
inline constexpr ProcedureOptions kOverPut{.verb = Verb::put};
inline constexpr ProcedureOptions kOverPatch{.verb = Verb::patch};
inline constexpr ProcedureOptions kOverDelete{.verb = Verb::delete_};

/// One call of a procedure, whose types it hides: the stages that depend on them, in their order, each once. Loop-only but for decode().
class Call {
 public:
  virtual ~Call() = default;
  /// @param plain  whether the body is the input itself. An error: the body is no envelope; what is wrong with the input waits for validate().
  virtual Result<void> decode(std::string_view body, bool plain) = 0;
  /// The objects the input names.
  virtual Named named() const = 0;
  virtual Result<void> validate(const Caller& caller) = 0;
  /// Handles and filters. `caller` has to live until the answer is there.
  virtual async::ValueTask<Reply> answer(const Caller& caller) = 0;
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
  /// Whether ids of objects can be told from the input at a dotted path, and whether the answer has what the scope filters; for the start.
  virtual bool input_names_ids(std::string_view path, bool list) const = 0;
  virtual bool output_names_objects(const access::Scope& scope) const = 0;
  /// Decode, authenticate, authorize, validate, handle, filter: the stages of one call once it is matched, in this order.
  awaitable<Reply> call(CallContext& context) const;
  /// The same stages of a call whose answer is at hand: its handler returns a ValueTask that is ready, and nothing else has to wait or is refused. Nothing in
  /// all other cases: the call is still to be made, and nothing of it was done or counted.
  virtual std::optional<Bytes> call_now(CallContext& context) const = 0;

 protected:
  virtual std::unique_ptr<Call> begin() const = 0;

 private:
  std::string area_;
  std::string name_;
  Kind kind_;
  access::Requirement access_;
  ProcedureOptions options_;
};

namespace detail {

/// Bodies longer than this are decoded on the pool, so that the loop stays free.
inline constexpr std::size_t kDecodeOnPool = 64 * 1024;

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

/// When a handler's answer is there: when it returns, after it was waited for, or either.
enum class When { at_once, later, maybe_at_once };

template <class T>
struct ReturnTraits {
  using Value = T;
  static constexpr When kWhen = When::at_once;
};
template <class T>
struct ReturnTraits<Result<T>> : ReturnTraits<T> {};
template <class T>
struct ReturnTraits<awaitable<T>> : ReturnTraits<T> {
  static constexpr When kWhen = When::later;
};
template <class T>
struct ReturnTraits<async::ValueTask<T>> : ReturnTraits<T> {
  static constexpr When kWhen = When::maybe_at_once;
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
struct OutputOf<Kept<T>> {
  using Type = T;
};
template <class T>
inline constexpr bool is_encoded = false;
template <class T>
inline constexpr bool is_encoded<Encoded<T>> = true;

template <class T>
SchemaPtr schema_or_none() {
  if constexpr (std::is_void_v<T>)
    return simple_schema(Schema::Kind::none);
  else
    return schema_of<T>();
}

template <class T>
Bytes to_bytes(const T& value) {
  return to_envelope(value);
}
template <class T>
Bytes to_bytes(const Encoded<T>& value) {
  return value.bytes;
}
template <class T>
Bytes to_bytes(const Kept<T>& value) {
  return value.bytes;
}

/// An input decoded, with what is wrong with it; the rights are judged before the issues are answered.
template <class In>
struct Decoded {
  Result<void> parsed;
  Issues issues;
  In value{};
};
template <>
struct Decoded<void> {
  Result<void> parsed;
};
template <class In>
void decode(std::string_view body, Decoded<In>& out, bool plain = false) {
  Envelope envelope;
  out.parsed = plain ? envelope.parse_plain(body) : envelope.parse(body);
  if (!out.parsed) return;
  if constexpr (!std::is_void_v<In>) {
    // An input that is optional as a whole may be undefined.
    if constexpr (is_optional<In>) {
      if (envelope.value() == nullptr || envelope.tag(envelope.value()) == Tag::undefined) return;
    }
    Codec<In>::decode(Input{envelope.value(), &envelope, &out.issues, nullptr}, out.value);
  }
}

/// What a caller sees of an answer.
template <class T>
T seen(T value, const access::Requirement& access, const Caller& caller) {
  keep_seen(value, access.scope, caller.sees);
  return value;
}
template <class T>
T seen(Kept<T> value, const access::Requirement& access, const Caller& caller) {
  return seen(T(*value.value), access, caller);  // the kept value is everybody's
}
template <class T>
Encoded<T> seen(Encoded<T> value, const access::Requirement&, const Caller&) {
  return value;  // the start refuses a filter on one
}
template <class T>
Bytes filtered(T value, const access::Requirement& access, const Caller& caller) {
  if (!access.filters() || caller.sees.holds_everything()) return to_bytes(value);
  return to_bytes(seen(std::move(value), access, caller));
}

template <class T>
Reply reply(T value, const access::Requirement& access, const Caller& caller) {
  if constexpr (AnyResult<T>) {
    if (!value) return std::unexpected(std::move(value.error()));
    if constexpr (std::is_void_v<typename T::value_type>)
      return Bytes(std::string("{}"));
    else
      return filtered(std::move(*value), access, caller);
  } else {
    return filtered(std::move(value), access, caller);
  }
}
// A coroutine for each type of answer, not for each procedure: they are what takes time to compile.
template <class T>
awaitable<Reply> reply_later(awaitable<T> value, const access::Requirement& access, const Caller& caller) {
  co_return reply(co_await std::move(value), access, caller);
}

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

  bool input_names_ids(std::string_view path, bool list) const override {
    if constexpr (std::is_void_v<In>)
      return false;
    else
      return names_ids<In>(path, list);
  }
  bool output_names_objects(const access::Scope& scope) const override {
    // Bytes alone cannot be filtered.
    if constexpr (std::is_void_v<Out> || is_encoded<Out>)
      return false;
    else
      return names_objects<typename OutputOf<Out>::Type>(scope.member, scope.mode);
  }

  std::optional<Bytes> call_now(CallContext& context) const override {
    if constexpr (Return::kWhen != When::maybe_at_once) {
      return std::nullopt;
    } else {
      // Asked first here: whoever is refused gets his input decoded on the long way only.
      if (context.body().size() > kDecodeOnPool || !context.admit_now()) return std::nullopt;
      Decoded<In> input;
      decode<In>(context.body(), input, context.plain());
      if (!input.parsed || !validate(input, context.caller())) return std::nullopt;
      auto handled = handle(context.caller(), input);
      if (!handled.ready()) return std::nullopt;
      auto answer = reply(std::move(handled.value()), access(), context.caller());
      if (!answer || !context.count_now()) return std::nullopt;
      return std::move(*answer);
    }
  }

 protected:
  std::unique_ptr<Call> begin() const override { return std::make_unique<CallOf>(*this); }

 private:
  struct CallOf final : Call {
    explicit CallOf(const ProcedureOf& owner) : procedure(owner) {}
    Result<void> decode(std::string_view body, bool plain) override {
      detail::decode<In>(body, input, plain);
      return std::move(input.parsed);
    }
    Named named() const override { return procedure.named(input); }
    Result<void> validate(const Caller& caller) override { return procedure.validate(input, caller); }
    async::ValueTask<Reply> answer(const Caller& caller) override {
      auto handled = procedure.handle(caller, input);
      if constexpr (Return::kWhen == When::at_once)
        return reply(std::move(handled), procedure.access(), caller);
      else if constexpr (Return::kWhen == When::later)
        return reply_later(std::move(handled), procedure.access(), caller);
      else if (handled.ready())
        return reply(std::move(handled.value()), procedure.access(), caller);
      else
        return reply_later(std::move(handled).wait(), procedure.access(), caller);
    }
    const ProcedureOf& procedure;
    Decoded<In> input;
  };

  auto handle(const Caller& caller, Decoded<In>& input) const {
    if constexpr (std::is_void_v<In>)
      return handler_(caller);
    else
      return handler_(caller, std::move(input.value));
  }

  Named named(const Decoded<In>& input) const {
    if constexpr (std::is_void_v<In>)
      return {};
    else
      return named_by(input.value, access().scope);
  }

  Result<void> validate(Decoded<In>& input, const Caller& caller) const {
    if constexpr (!std::is_void_v<In>) {
      if (!input.issues.empty()) return std::unexpected(input.issues.error());
      if (access().scope.mode == access::Scope::Mode::bulk) keep_ids(input.value, access().scope.member, caller.sees);
    }
    return {};
  }

  F handler_;
};

}  // namespace detail

/// An area: its access rules and its procedures, one line each. Handlers are lambdas `[&s](const Caller&, Input) { return s.use_case(...); }`
/// returning awaitable<Result<Output>>, ValueTask<Result<Output>> or Result<Output>; they must not be coroutines themselves (their captures would not live in
/// the frame). Immutable once mounted; Loop-only until then.
class Area {
 public:
  explicit Area(std::string name) : name_(std::move(name)) {}

  /// Declares that resource `name` of this area has objects of its own, which may be granted and hidden one by one: a procedure that needs a rule of it
  /// says how they are judged.
  Area& objects(std::string name) {
    objects_.push_back(name_ + "." + std::move(name));
    return *this;
  }
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
  /// Types with objects of their own: "catalog.system".
  const std::vector<std::string>& object_types() const noexcept { return objects_; }
  const std::vector<std::shared_ptr<const Procedure>>& procedures() const noexcept { return procedures_; }

 private:
  template <class F>
  Area& add(Kind kind, std::string name, access::Requirement access, F handler, ProcedureOptions options) {
    procedures_.push_back(std::make_shared<detail::ProcedureOf<F>>(name_, std::move(name), kind, std::move(access), options, std::move(handler)));
    return *this;
  }
  std::string name_;
  std::vector<access::Rule> rules_;
  std::vector<std::string> objects_;
  std::vector<std::shared_ptr<const Procedure>> procedures_;
};

}  // namespace watchbell::rpc
