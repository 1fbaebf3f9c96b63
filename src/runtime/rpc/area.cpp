#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {

awaitable<Reply> Procedure::call(CallContext& context) const {
  const auto call = begin();
  Result<void> decoded;
  if (context.body().size() > detail::kDecodeOnPool)
    decoded = co_await context.pool().run([&] { return call->decode(context.body(), context.plain()); });
  else
    decoded = call->decode(context.body(), context.plain());
  if (!decoded) co_return std::unexpected(std::move(decoded.error()));

  if (auto known = co_await context.authenticate(); !known) co_return std::unexpected(std::move(known.error()));

  if (auto passed = context.authorize(); !passed) co_return std::unexpected(std::move(passed.error()));
  if (context.judges_objects()) {
    if (auto passed = co_await context.authorize_objects(call->named()); !passed) co_return std::unexpected(std::move(passed.error()));
  }

  if (auto valid = call->validate(context.caller()); !valid) co_return std::unexpected(std::move(valid.error()));

  co_return co_await call->answer(context.caller()).wait();
}

}  // namespace watchbell::rpc
