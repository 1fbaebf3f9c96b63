#include "platform/sql/pq.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include "platform/sql/fault.hpp"

namespace watchbell::sql::detail {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

Pq load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);  // for good: what it registers at exit stays valid
  if (library == nullptr) throw Fault(Fault::Kind::other, fmt::format("what speaks to PostgreSQL cannot be loaded: {}", ::dlerror()));
  const auto find = [&](auto& function, const char* name) {
    void* symbol = ::dlsym(library, name);
    if (symbol == nullptr) throw Fault(Fault::Kind::other, fmt::format("{} is too old: it has no {}", kLibrary, name));
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  Pq api{};
#define WATCHBELL_FIND(name) find(api.name, "PQ" #name)
  WATCHBELL_FIND(clear);
  WATCHBELL_FIND(cmdStatus);
  WATCHBELL_FIND(cmdTuples);
  WATCHBELL_FIND(connectdbParams);
  WATCHBELL_FIND(conninfoFree);
  WATCHBELL_FIND(conninfoParse);
  WATCHBELL_FIND(consumeInput);
  WATCHBELL_FIND(errorMessage);
  WATCHBELL_FIND(finish);
  WATCHBELL_FIND(flush);
  WATCHBELL_FIND(fname);
  WATCHBELL_FIND(freemem);
  WATCHBELL_FIND(ftype);
  WATCHBELL_FIND(getResult);
  WATCHBELL_FIND(getisnull);
  WATCHBELL_FIND(getlength);
  WATCHBELL_FIND(getvalue);
  WATCHBELL_FIND(isBusy);
  WATCHBELL_FIND(nfields);
  WATCHBELL_FIND(notifies);
  WATCHBELL_FIND(ntuples);
  WATCHBELL_FIND(parameterStatus);
  WATCHBELL_FIND(resultErrorField);
  WATCHBELL_FIND(resultStatus);
  WATCHBELL_FIND(sendPrepare);
  WATCHBELL_FIND(sendQuery);
  WATCHBELL_FIND(sendQueryPrepared);
  WATCHBELL_FIND(serverVersion);
  WATCHBELL_FIND(setNoticeProcessor);
  WATCHBELL_FIND(setnonblocking);
  WATCHBELL_FIND(socket);
  WATCHBELL_FIND(status);
#undef WATCHBELL_FIND
  return api;
}

}  // namespace

const Pq& pq() {
  static const Pq loaded = load();
  return loaded;
}

}  // namespace watchbell::sql::detail
