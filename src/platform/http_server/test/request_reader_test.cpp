#include "platform/http_server/request_reader.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace watchbell::http {
namespace {

using Stage = RequestReader::Stage;

/// Feeds all of `text` as far as the reader takes it before a request is complete or refused; answers what is left.
std::string_view feed(RequestReader& reader, std::string_view text, std::size_t piece = SIZE_MAX, std::size_t body_limit = 1 << 20) {
  while (true) {
    switch (reader.advance()) {
      case Stage::judge: reader.allow_body(body_limit); break;
      case Stage::complete:
      case Stage::refused: return text;
      case Stage::head:
      case Stage::body: {
        if (text.empty()) return text;
        const auto room = reader.writable();
        const std::size_t size = std::min({room.size(), text.size(), piece});
        std::memcpy(room.data(), text.data(), size);
        reader.received(size);
        text.remove_prefix(size);
      }
    }
  }
}

/// The status a head is refused with; 0 when it is not.
int verdict(std::string_view text, std::size_t body_limit = 1 << 20) {
  RequestReader reader(32 * 1024);
  feed(reader, text, SIZE_MAX, body_limit);
  if (reader.stage() == Stage::refused) return reader.refusal().status;
  EXPECT_EQ(reader.stage(), Stage::complete) << text;
  return 0;
}

std::string with(std::string_view lines) { return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n"; }

TEST(RequestReader, reads_target_headers_and_body) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    RequestReader reader(32 * 1024);
    feed(reader, "POST /a%20b?x=1?y HTTP/1.1\r\nHost: localhost:3000\r\nX-Two:  spaced out \t\r\nEmpty:\r\ncontent-length: 5\r\n\r\nhello", piece);
    ASSERT_EQ(reader.stage(), Stage::complete);
    const Request& request = reader.request();
    EXPECT_EQ(request.method(), "POST");
    EXPECT_EQ(request.target(), "/a%20b?x=1?y");
    EXPECT_EQ(request.path(), "/a%20b");
    EXPECT_EQ(request.query(), "x=1?y");
    EXPECT_EQ(request.header("x-two"), "spaced out");
    EXPECT_EQ(request.header("empty"), "");
    EXPECT_EQ(request.header("absent"), std::nullopt);
    EXPECT_EQ(request.headers().size(), 4u);
    EXPECT_EQ(request.body(), "hello");
    EXPECT_TRUE(reader.keep_alive());
    EXPECT_FALSE(request.is_upgrade());
  }
}

TEST(RequestReader, absolute_and_asterisk_targets) {
  const auto path = [](std::string_view target) {
    const Request request = Request::make_for_test("GET", target);
    return std::string(request.path()) + "|" + std::string(request.query());
  };
  EXPECT_EQ(path("/a?b"), "/a|b");
  EXPECT_EQ(path("*"), "*|");
  EXPECT_EQ(path("http://host:80/a?b"), "/a|b");
  EXPECT_EQ(path("HTTPS://host"), "/|");
  EXPECT_EQ(path("http://host?b"), "/|b");
}

TEST(RequestReader, refuses_what_could_be_read_in_two_ways) {
  std::string nul = "GET / HTTP/1.1\r\nHost: a\r\nX: a?b\r\n\r\n";
  nul[nul.find('?')] = '\0';
  const std::vector<std::pair<std::string, int>> cases{
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"GET / HTTP/1.0\r\n\r\n", 0},
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\tb\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", 400},
      {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\nHost: a\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {nul, 400},
      {"\x16\x03\x01", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTX/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {with("Content-Length: 5\r\nContent-Length: 5\r\n") + "hello", 400},
      {with("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello", 400},
      {with("Content-Length: 5, 5\r\n") + "hello", 400},
      {with("Content-Length: +5\r\n") + "hello", 400},
      {with("Content-Length: -1\r\n"), 400},
      {with("Content-Length: 5x\r\n") + "hello", 400},
      {with("Content-Length:\r\n"), 400},
      {with("Content-Length: 99999999999999999999999\r\n"), 400},
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n", 400},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {with("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 400},
      {with("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n", 400},
      {with("Transfer-Encoding: identity\r\n"), 400},
      {with("Transfer-Encoding: xchunked\r\n"), 400},
      {with("Transfer-Encoding: Chunked\r\n") + "0\r\n\r\n", 0},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
  };
  for (const auto& [text, status] : cases) EXPECT_EQ(verdict(text), status) << text;
}

TEST(RequestReader, bounds_head_headers_and_body) {
  const std::string line = "X: " + std::string(1000, 'a') + "\r\n";
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (head.size() + line.size() + 2 <= 32 * 1024) head += line;
  EXPECT_EQ(verdict(head + "\r\n"), 0);
  EXPECT_EQ(verdict(head + line + "\r\n"), 431);
  EXPECT_EQ(verdict("GET /" + std::string(33 * 1024, 'a')), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 300; ++i) many += "a:\r\n";
  EXPECT_EQ(verdict(many + "\r\n"), 431);
  EXPECT_EQ(verdict(with("Content-Length: 11\r\n"), 10), 413);
  EXPECT_EQ(verdict(with("Content-Length: 10\r\n") + "0123456789", 10), 0);
  EXPECT_EQ(verdict(with("Transfer-Encoding: chunked\r\n") + "5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n", 10), 413);
  EXPECT_EQ(verdict(with("Transfer-Encoding: chunked\r\n") + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", 10), 0);
}

TEST(RequestReader, chunks_are_decoded_however_they_are_split) {
  const std::string stream = with("Transfer-Encoding: chunked\r\n") +
                             "5;name=\"quoted value\"\r\nhello\r\n00A\r\n 0123456\r\n\r\n0;last\r\nTrailer: x\r\nOther: y\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    RequestReader reader(32 * 1024);
    const auto left = feed(reader, stream, piece);
    ASSERT_EQ(reader.stage(), Stage::complete) << piece;
    EXPECT_EQ(reader.request().body(), "hello 0123456\r\n");
    EXPECT_EQ(reader.request().headers().size(), 2u) << "trailers are no headers";
    reader.next();
    feed(reader, left, piece);
    ASSERT_EQ(reader.stage(), Stage::complete) << piece;
    EXPECT_EQ(reader.request().path(), "/next");
    EXPECT_EQ(reader.rest(), "");
  }
}

TEST(RequestReader, malformed_chunks_are_refused) {
  const std::string trailer = "0\r\nX: " + std::string(17 * 1024, 'a') + "\r\n\r\n";
  const std::string extension = "1;" + std::string(17 * 1024, 'a') + "\r\nx\r\n0\r\n\r\n";
  const std::vector<std::pair<std::string, int>> cases{
      {"\r\n", 400},       {"x\r\n", 400},          {"5\nhello", 400},           {"5\r\nhelloX", 400},       {"5\r\nhello\rX", 400}, {"-5\r\n", 400},
      {"5 \r\nhello", 400}, {"0x5\r\nhello", 400},   {"0000000000000001\r\n", 400}, {"ffffffffffffffff\r\n", 400}, {"fffffff\r\n", 413}, {"0\r\n\rX", 400},
      {"0\r\nX: \x01\r\n\r\n", 400}, {"5;a\x01\r\nhello", 400}, {"0\nX", 400}, {trailer, 431}, {extension, 400},
  };
  for (const auto& [body, status] : cases) EXPECT_EQ(verdict(with("Transfer-Encoding: chunked\r\n") + body), status) << body.substr(0, 40);
}

TEST(RequestReader, pipelined_requests_come_out_one_by_one) {
  std::string stream;
  for (int i = 0; i < 50; ++i) stream += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n" + std::string(200, static_cast<char>('a' + i % 26));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
    RequestReader reader(32 * 1024);
    std::string_view left = stream;
    for (int i = 0; i < 50; ++i) {
      left = feed(reader, left, piece);
      ASSERT_EQ(reader.stage(), Stage::complete);
      EXPECT_EQ(reader.request().path(), "/" + std::to_string(i));
      EXPECT_EQ(reader.request().body(), std::string(200, static_cast<char>('a' + i % 26)));
      reader.next();
    }
    EXPECT_TRUE(left.empty());
    EXPECT_TRUE(reader.idle());
  }
}

TEST(RequestReader, views_of_the_head_outlive_a_growing_body) {
  RequestReader reader(32 * 1024);
  feed(reader, "PUT /somewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n", SIZE_MAX, 1 << 20);
  ASSERT_EQ(reader.stage(), Stage::body);
  const char* const method = reader.request().method().data();
  const std::string body(900'000, 'b');
  feed(reader, body, 1234);
  ASSERT_EQ(reader.stage(), Stage::complete);
  EXPECT_EQ(reader.request().method().data(), method);
  EXPECT_EQ(reader.request().method(), "PUT");
  EXPECT_EQ(reader.request().body(), body);
}

TEST(RequestReader, a_claimed_length_costs_no_memory) {
  RequestReader reader(32 * 1024);
  feed(reader, with("Content-Length: 8000000\r\n"), SIZE_MAX, 8 << 20);
  ASSERT_EQ(reader.stage(), Stage::body);
  EXPECT_LE(reader.writable().size(), 64u * 1024);
}

TEST(RequestReader, continue_is_expected_only_while_no_body_came) {
  RequestReader waiting(32 * 1024);
  feed(waiting, with("Expect: 100-continue\r\nContent-Length: 5\r\n"));
  EXPECT_TRUE(waiting.expects_continue());
  RequestReader eager(32 * 1024);
  feed(eager, with("Expect: 100-continue\r\nContent-Length: 5\r\n") + "he");
  EXPECT_FALSE(eager.expects_continue());
}

TEST(RequestReader, upgrade_and_keep_alive_are_recognised) {
  const auto upgrade = [](std::string_view text) {
    RequestReader reader(32 * 1024);
    feed(reader, text);
    EXPECT_EQ(reader.stage(), Stage::complete);
    return reader.request().is_upgrade();
  };
  EXPECT_TRUE(upgrade("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"));
  EXPECT_FALSE(upgrade("GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
  EXPECT_FALSE(upgrade("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
  const auto keep_alive = [](std::string_view text) {
    RequestReader reader(32 * 1024);
    feed(reader, text);
    return reader.keep_alive();
  };
  EXPECT_TRUE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keep_alive("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keep_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(Response, refuses_header_values_that_break_out) {
  Response response;
  EXPECT_TRUE(response.add("x-a", "1"));
  EXPECT_FALSE(response.add("x-b", "1\r\nset-cookie: a=b"));
  EXPECT_FALSE(response.add("x\n", "1"));
  EXPECT_FALSE(response.add("x-c", std::string_view("a\0b", 3)));
  EXPECT_FALSE(response.add("", "1"));
  EXPECT_EQ(response.extra_headers, "x-a: 1\r\n");
}

TEST(Response, keeps_the_capacity_of_its_text) {
  Response response;
  response.text().assign(1000, 'a');
  const char* const before = response.body_view().data();
  response.reset();
  EXPECT_EQ(response.body_view(), "");
  response.text().assign(900, 'b');
  EXPECT_EQ(response.body_view().data(), before);
  response.body = std::make_shared<const std::string>("shared");
  EXPECT_EQ(response.body_view(), "shared");
  response.reset();
  EXPECT_EQ(response.body_view(), "");
}

}  // namespace
}  // namespace watchbell::http
