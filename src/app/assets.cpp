#include "app/assets.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace watchbell::app {
namespace {

constexpr std::string_view kPageHeaders =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'\r\n"
    "X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n";

/// Of files and of what is none: a browser must not take one for a script that was not sent as one.
constexpr std::string_view kNoGuessing = "X-Content-Type-Options: nosniff\r\n";

constexpr std::string_view kWithout =
    "<!doctype html><meta charset=utf-8><title>Watchbell</title><p>This watchbell was built without its web app. The API is at /api.";

const Asset* find(std::string_view path) {
  const auto all = assets();
  const auto it = std::ranges::lower_bound(all, path, {}, &Asset::path);
  return it != all.end() && it->path == path ? &*it : nullptr;
}

bool accepts(std::string_view header, std::string_view coding) {
  while (!header.empty()) {
    const auto end = header.find(',');
    const auto part = trim(header.substr(0, end));
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + 1);
    const auto semicolon = part.find(';');
    if (ascii_lower(trim(part.substr(0, semicolon))) == coding)
      return semicolon == std::string_view::npos || part.find("q=0") == std::string_view::npos || part.find("q=0.") != std::string_view::npos;
  }
  return false;
}

void send(const rpc::RouteRequest& request, http::Response& response, const Asset& asset, bool page) {
  if (page) {
    response.extra_headers += kPageHeaders;
  } else {
    response.extra_headers += asset.path.starts_with("/assets/") ? std::string_view("Cache-Control: public, max-age=31536000, immutable\r\n")
                                                                 : std::string_view("Cache-Control: public, max-age=3600\r\n");
    response.extra_headers += kNoGuessing;
  }
  response.extra_headers += "Vary: Accept-Encoding\r\n";
  response.add("ETag", asset.etag);
  if (request.http.header("if-none-match") == asset.etag) {
    response.status = 304;
    return;
  }
  const auto encodings = request.http.header("accept-encoding").value_or(std::string_view());
  response.content_type = asset.type;
  if (!asset.brotli.empty() && accepts(encodings, "br")) {
    response.add("Content-Encoding", "br");
    response.body = asset.brotli;
  } else if (!asset.gzip.empty() && accepts(encodings, "gzip")) {
    response.add("Content-Encoding", "gzip");
    response.body = asset.gzip;
  } else {
    response.body = asset.plain;
  }
}

awaitable<void> serve(rpc::RouteRequest request, http::Response& response) {
  const auto path = request.http.path();
  const auto method = request.http.method();
  const bool reads = method == "GET" || method == "HEAD";
  if (reads) {
    if (const Asset* asset = find(path); asset != nullptr && path != "/index.html") {
      send(request, response, *asset, false);
      co_return;
    }
  }
  // What looks like a file and is none is no page.
  const auto last = path.substr(path.rfind('/') + 1);
  if (!reads || path.starts_with("/assets/") || (last.find('.') != std::string_view::npos && last != "index.html")) {
    response.status = 404;
    response.content_type = "text/plain";
    response.extra_headers += kNoGuessing;
    response.body = std::string_view("Not Found");
    co_return;
  }
  if (const Asset* page = find("/index.html")) {
    send(request, response, *page, true);
    co_return;
  }
  response.content_type = "text/html; charset=utf-8";
  response.extra_headers += kPageHeaders;
  response.body = kWithout;
}

}  // namespace

void mount_assets(rpc::Front& front) { front.fallback(serve); }

}  // namespace watchbell::app
