#include "platform/curl/api.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include "base/fault.hpp"

namespace watchbell::curl {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";

Api load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);  // for good: what it registers at exit stays valid
  if (library == nullptr) throw Fault(fmt::format("what sends mail and requests cannot be loaded: {}", ::dlerror()));
  const auto find = [&](auto& function, const char* name) {
    void* symbol = ::dlsym(library, name);
    if (symbol == nullptr) throw Fault(fmt::format("{} is too old: it has no {}", kLibrary, name));
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  Api api{};
#define WATCHBELL_FIND(name) find(api.name, "curl_" #name)
  WATCHBELL_FIND(easy_cleanup);
  WATCHBELL_FIND(easy_getinfo);
  WATCHBELL_FIND(easy_init);
  WATCHBELL_FIND(easy_recv);
  WATCHBELL_FIND(easy_reset);
  WATCHBELL_FIND(easy_send);
  WATCHBELL_FIND(easy_setopt);
  WATCHBELL_FIND(easy_strerror);
  WATCHBELL_FIND(free);
  WATCHBELL_FIND(global_init);
  WATCHBELL_FIND(multi_add_handle);
  WATCHBELL_FIND(multi_assign);
  WATCHBELL_FIND(multi_cleanup);
  WATCHBELL_FIND(multi_info_read);
  WATCHBELL_FIND(multi_init);
  WATCHBELL_FIND(multi_remove_handle);
  WATCHBELL_FIND(multi_setopt);
  WATCHBELL_FIND(multi_socket_action);
  WATCHBELL_FIND(multi_strerror);
  WATCHBELL_FIND(slist_append);
  WATCHBELL_FIND(slist_free_all);
  WATCHBELL_FIND(url);
  WATCHBELL_FIND(url_cleanup);
  WATCHBELL_FIND(url_get);
  WATCHBELL_FIND(url_set);
  WATCHBELL_FIND(url_strerror);
#undef WATCHBELL_FIND
  if (const auto code = api.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) throw Fault(api.easy_strerror(code));
  return api;
}

}  // namespace

const Api& api() {
  static const Api loaded = load();
  return loaded;
}

}  // namespace watchbell::curl
