#include "domains/catalog/rules.hpp"
#include "domains/catalog/service.hpp"
#include "domains/catalog/store.hpp"

/// The use cases of views.
namespace watchbell::catalog {
namespace {

std::unexpected<Error> unknown(std::string_view id) { return fail(ErrorCode::not_found, "View {} not found", id); }

}  // namespace

ViewView view_of(const View& view) {
  return {.id = view.id,
          .name = view.name,
          .description = view.description,
          .configuration = {.text = view.configuration},
          .created_at = view.created_at,
          .updated_at = view.updated_at};
}

async::ValueTask<Result<rpc::Encoded<std::vector<ViewView>>>> Service::views() {
  return cache_.answer<std::vector<ViewView>>(cache::Key("view", "all"), [](sql::Session& session) {
    std::vector<ViewView> views;
    for (const auto& view : store::all_views(session)) views.push_back(view_of(view));
    return views;
  });
}

awaitable<Result<ViewView>> Service::create_view(CreateView input) {
  auto name = rules::clean_name(input.name);
  if (!name) co_return std::unexpected(std::move(name.error()));
  co_return co_await changes_.run([this, input = std::move(input), name = std::move(*name)](Change& change) -> Result<ViewView> {
    const View view{.id = ViewId::make(change.now()),
                    .name = name,
                    .description = input.description ? std::optional(input.description->str()) : std::nullopt,
                    .configuration = input.configuration.text,
                    .created_at = change.now(),
                    .updated_at = change.now()};
    store::insert_view(change.sql(), view);
    change.invalidates(cache_.family(cache::Family("view")));
    return view_of(view);
  });
}

awaitable<Result<ViewView>> Service::update_view(UpdateView input) {
  const auto id = ViewId::parse(input.id);
  if (!id) co_return unknown(input.id);
  std::optional<std::string> name;
  if (input.data.name) {
    auto clean = rules::clean_name(*input.data.name);
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  co_return co_await changes_.run([this, id = *id, data = std::move(input.data), name = std::move(name)](Change& change) -> Result<ViewView> {
    auto view = store::find_view(change.sql(), id);
    if (!view) return unknown(id.to_string());
    if (name) view->name = *name;
    if (data.description.clears()) view->description.reset();
    if (data.description.sets()) view->description = data.description.value().str();
    if (data.configuration) view->configuration = data.configuration->text;
    view->updated_at = change.now();
    store::update_view(change.sql(), *view);
    change.invalidates(cache_.family(cache::Family("view")));
    return view_of(*view);
  });
}

awaitable<Result<bool>> Service::remove_view(std::string text) {
  const auto id = ViewId::parse(text);
  if (!id) co_return false;
  co_return co_await changes_.run([this, id = *id](Change& change) -> Result<bool> {
    if (!store::remove_view(change.sql(), id)) return false;
    change.invalidates(cache_.family(cache::Family("view")));
    return true;
  });
}

}  // namespace watchbell::catalog
