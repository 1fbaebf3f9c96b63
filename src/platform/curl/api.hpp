#pragma once

#include <curl/curl.h>

namespace watchbell::curl {

/// libcurl's functions, under their names without `curl_`. For the .cpp files of platform/ alone.
struct Api {
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_recv) easy_recv;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_send) easy_send;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_free) free;
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_assign) multi_assign;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_strerror) multi_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_url_strerror) url_strerror;
};

/// Loads libcurl, and the thirty libraries it brings, when it is first called: that takes 10 ms once and 4 MB, which a server that sends nothing does
/// without. Thread-safe. Throws Fault when it is not there: its package is one that ours needs.
const Api& api();

}  // namespace watchbell::curl
