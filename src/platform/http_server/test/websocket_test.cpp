// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines): handlers stand in the rig, which outlives their coroutines.
#include "rig.hpp"

#include "async/event.hpp"
#include "base/fault.hpp"

namespace watchbell::http::test {
namespace {

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Frame {
  int opcode = -1;  // -1: the connection ended
  std::string payload;
  int close_code() const {
    return opcode == 8 && payload.size() >= 2 ? static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]) : 0;
  }
};

std::string frame(int opcode, std::string_view payload, bool final = true, bool masked = true) {
  std::string bytes(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  const char mask_bit = masked ? static_cast<char>(0x80) : '\0';
  if (payload.size() < 126) {
    bytes += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
  } else {
    bytes += static_cast<char>(mask_bit | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xff);
  }
  if (!masked) return bytes.append(payload);
  const std::string mask = "\x11\x22\x33\x44";
  bytes += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ mask[i % 4]);
  return bytes;
}

std::string close_frame(int code) { return frame(8, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}); }

awaitable<Frame> next_frame(Client& client) {
  const std::string head = co_await client.take(2);
  if (head.size() < 2) co_return Frame{};
  EXPECT_EQ(head[0] & 0x70, 0);
  EXPECT_EQ(head[1] & 0x80, 0) << "a server does not mask";
  std::size_t size = static_cast<unsigned char>(head[1]);
  if (size >= 126) {
    const std::string more = co_await client.take(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : more) size = size << 8 | static_cast<unsigned char>(c);
  }
  Frame frame;
  frame.opcode = head[0] & 0x0f;
  frame.payload = co_await client.take(size);
  co_return frame;
}

/// Upgrades every request and keeps the last socket in `socket`.
struct Sockets {
  explicit Sockets(Rig& rig) {
    rig.handler.later = [this](const Request& request, Response& response) -> awaitable<void> {
      if (request.path() == "/plain") co_return;
      response.add("x-extra", "yes");
      response.upgrade = [this](std::shared_ptr<WebSocket> opened) { return use(*this, std::move(opened)); };
      co_return;
    };
  }
  static awaitable<void> use(Sockets& all, std::shared_ptr<WebSocket> opened) {
    all.socket = opened;
    ++all.sessions;
    while (auto message = co_await opened->read()) {
      all.heard.push_back(*message);
      if (*message == "fault") throw Fault("in a session");
      if (*message == "leave") break;
      if (all.echo) opened->send(std::make_shared<const std::string>(std::move(*message)));
    }
    ++all.ended;
  }
  std::shared_ptr<WebSocket> socket;
  std::vector<std::string> heard;
  bool echo = true;
  int sessions = 0;
  int ended = 0;
};

awaitable<std::unique_ptr<Client>> open(Rig& rig, std::string behind = "") {
  auto client = co_await rig.client();
  co_await client->send(kUpgrade + behind);
  const Answer answer = co_await client->answer();
  EXPECT_EQ(answer.status, 101);
  EXPECT_EQ(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(answer.header("x-extra"), "yes");
  EXPECT_EQ(answer.header("server"), "Watchbell");
  co_return client;
}

HTTP_TEST(WebSocket, echoes_text_and_knows_its_peer) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await client->send(frame(1, "hello") + frame(1, "hel", false) + frame(0, "lo again"));
  EXPECT_EQ((co_await next_frame(*client)).payload, "hello");
  EXPECT_EQ((co_await next_frame(*client)).payload, "hello again");
  const std::string long_text(4096, 'x');
  co_await client->send(frame(1, long_text));
  EXPECT_EQ((co_await next_frame(*client)).payload, long_text);
  EXPECT_EQ(sockets.socket->peer_address(), "127.0.0.1");
  EXPECT_EQ(rig.server->websockets(), 1u);
  co_await client->send(close_frame(1000));
  const Frame goodbye = co_await next_frame(*client);
  EXPECT_EQ(goodbye.close_code(), 1000);
  EXPECT_TRUE(co_await client->ends());
  client->close();
  co_await rig.until([&] { return rig.server->websockets() == 0 && sockets.ended == 1; });
  EXPECT_FALSE(sockets.socket->open());
  sockets.socket->send(std::make_shared<const std::string>("into the void"));
}

HTTP_TEST(WebSocket, frames_sent_behind_the_upgrade_are_delivered) {
  rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig, frame(1, "early") + frame(1, std::string(3000, 'y')));
  EXPECT_EQ((co_await next_frame(*client)).payload, "early");
  EXPECT_EQ((co_await next_frame(*client)).payload, std::string(3000, 'y'));
}

HTTP_TEST(WebSocket, pings_are_answered) {
  rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await client->send(frame(9, "are you there"));
  const Frame pong = co_await next_frame(*client);
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "are you there");
}

HTTP_TEST(WebSocket, broken_frames_close_with_their_code) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  const std::vector<std::pair<std::string, int>> cases{
      {frame(1, std::string(4097, 'x')), 1009},
      {frame(1, std::string(4000, 'x'), false) + frame(0, std::string(97, 'x')), 1009},
      {frame(1, "unmasked", true, false), 1002},
      {frame(3, "reserved opcode"), 1002},
      {frame(0, "nothing to continue"), 1002},
      {frame(9, std::string(126, 'x')), 1002},
      {frame(9, "fragmented ping", false), 1002},
      {std::string("\xc1\x80\x11\x22\x33\x44", 6), 1002},  // a reserved bit
      {frame(1, "\xff\xfe"), 1007},
      {frame(1, "\xe2\x82", false) + frame(0, ""), 1007},  // cut within a character, and nothing behind
      {frame(2, "binary"), 1003},
      {frame(8, "x"), 1002},
  };
  for (const auto& [bytes, code] : cases) {
    const int ended = sockets.ended;
    auto client = co_await open(rig);
    co_await client->send(bytes);
    const Frame goodbye = co_await next_frame(*client);
    EXPECT_EQ(goodbye.close_code(), code) << static_cast<int>(bytes[0]);
    client->close();
    co_await rig.until([&] { return sockets.ended > ended && rig.server->websockets() == 0; });
  }
  EXPECT_TRUE(rig.faults.empty());
}

HTTP_TEST(WebSocket, broken_frames_behind_one_that_closes_end_the_session) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  int opened = 0;
  for (const std::string& broken : {frame(1, "unmasked", true, false), frame(3, "reserved opcode"), std::string("\xc1\x80\x11\x22\x33\x44", 6)}) {
    auto client = co_await open(rig);
    co_await client->send(frame(2, "binary") + broken);
    EXPECT_EQ((co_await next_frame(*client)).close_code(), 1003);
    EXPECT_TRUE(co_await client->ends()) << "nothing comes behind a close";
    client->close();
    ++opened;
    co_await rig.until([&] { return rig.server->websockets() == 0 && sockets.ended == opened; });
  }
}

HTTP_TEST(WebSocket, messages_of_one_turn_leave_together_and_in_order) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  for (int i = 0; i < 200; ++i) sockets.socket->send(std::make_shared<const std::string>(std::to_string(i)));
  co_await client->socket().async_wait(asio::socket_base::wait_read, use_awaitable);
  // Each of the 200 frames is 3 to 5 bytes; joined, they are in the kernel at once.
  EXPECT_EQ(client->socket().available(), 10u * 3 + 90 * 4 + 100 * 5);
  for (int i = 0; i < 200; ++i) EXPECT_EQ((co_await next_frame(*client)).payload, std::to_string(i));
}

HTTP_TEST(WebSocket, large_messages_have_long_lengths) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  for (const std::size_t size : {125u, 126u, 65'535u, 65'536u, 300'000u}) {
    const auto text = std::make_shared<const std::string>(size, 'm');
    sockets.socket->send(text);
    EXPECT_TRUE((co_await next_frame(*client)).payload == *text) << size;
  }
}

HTTP_TEST(WebSocket, slow_reader_is_closed_with_1013_and_never_blocks_the_sender) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  const auto text = std::make_shared<const std::string>(32 * 1024, 's');
  int sent = 0;
  while (sockets.socket->open() && sent < 10'000) {
    sockets.socket->send(text);
    ++sent;
    if (sent % 16 == 0) co_await rig.settle();
  }
  EXPECT_FALSE(sockets.socket->open());
  EXPECT_GT(sent, 32) << "a backlog of 1 MiB at least";
  co_await rig.until([&] { return sockets.ended == 1; });
  int got = 0;
  Frame last;
  while ((last = co_await next_frame(*client)).opcode == 1) ++got;
  EXPECT_EQ(last.close_code(), 1013);
  EXPECT_LT(got, sent);
}

HTTP_TEST(WebSocket, too_many_small_messages_overflow_too) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  const auto text = std::make_shared<const std::string>("s");
  for (int i = 0; i < 256; ++i) sockets.socket->send(text);
  EXPECT_TRUE(sockets.socket->open());
  sockets.socket->send(text);
  EXPECT_FALSE(sockets.socket->open());
  EXPECT_EQ((co_await next_frame(*client)).close_code(), 1013);
}

HTTP_TEST(WebSocket, stalled_reader_is_cut_when_the_close_times_out) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  sockets.socket->close(1000, std::string(500, 'r'));
  EXPECT_FALSE(sockets.socket->open());
  const Frame goodbye = co_await next_frame(*client);
  EXPECT_EQ(goodbye.close_code(), 1000);
  EXPECT_EQ(goodbye.payload.size(), 125u);
  co_await rig.settle();
  EXPECT_EQ(rig.server->websockets(), 1u) << "waits for the peer's part";
  rig.clock.advance(5100ms);
  co_await rig.until([&] { return rig.server->websockets() == 0; });
}

HTTP_TEST(WebSocket, pings_go_out_and_silence_is_cut) {
  rig.keep<Sockets>();
  rig.start();
  auto alive = co_await open(rig);
  auto dead = co_await open(rig);
  for (int i = 0; i < 4; ++i) {
    rig.clock.advance(25100ms);
    const Frame ping = co_await next_frame(*alive);
    CO_ASSERT_EQ(ping.opcode, 9);
    co_await alive->send(frame(10, ping.payload));
    co_await rig.settle();
  }
  co_await rig.until([&] { return rig.server->websockets() == 1; });
  EXPECT_EQ((co_await next_frame(*dead)).opcode, 9);
  EXPECT_EQ((co_await next_frame(*dead)).opcode, 9);
  EXPECT_EQ((co_await next_frame(*dead)).opcode, -1) << "60 s without a pong";
  co_await alive->send(frame(1, "still here"));
  EXPECT_EQ((co_await next_frame(*alive)).payload, "still here");
}

HTTP_TEST(WebSocket, returning_closes_1000_and_a_fault_1011) {
  rig.keep<Sockets>();
  rig.start();
  auto leaver = co_await open(rig);
  co_await leaver->send(frame(1, "leave"));
  EXPECT_EQ((co_await next_frame(*leaver)).close_code(), 1000);
  auto faulty = co_await open(rig);
  co_await faulty->send(frame(1, "fault"));
  EXPECT_EQ((co_await next_frame(*faulty)).close_code(), 1011);
  EXPECT_EQ(rig.faults, std::vector<std::string>{"websocket"});
}

HTTP_TEST(WebSocket, vanished_peer_ends_the_session) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 1; });
  client->reset();
  co_await rig.until([&] { return sockets.ended == 1 && rig.server->websockets() == 0; });
}

HTTP_TEST(WebSocket, upgrade_where_none_was_asked_is_426_and_a_bad_handshake_400) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto plain = co_await rig.client();
  co_await plain->send(get("/ws"));
  const Answer answer = co_await plain->answer();
  EXPECT_EQ(answer.status, 426);
  EXPECT_EQ(answer.header("upgrade"), "websocket");
  co_await plain->send(get("/plain"));
  EXPECT_EQ((co_await plain->answer()).status, 200);
  auto keyless = co_await rig.client();
  co_await keyless->send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
  EXPECT_EQ((co_await keyless->answer()).status, 400);
  // An upgrade the handler does not take is a request like any other.
  auto declined = co_await rig.client();
  co_await declined->send(get("/plain", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + get("/plain"));
  EXPECT_EQ((co_await declined->answer()).status, 200);
  EXPECT_EQ((co_await declined->answer()).status, 200);
  EXPECT_EQ(sockets.sessions, 0);
}

HTTP_TEST(WebSocket, unread_messages_do_not_pile_up) {
  rig.keep<Sockets>();
  std::shared_ptr<WebSocket> held;
  async::Event gate(rig.loop.executor());
  struct Use {
    static awaitable<void> wait(std::shared_ptr<WebSocket>& keep, async::Event& go, std::shared_ptr<WebSocket> opened) {
      keep = opened;
      co_await go.wait();
      int count = 0;
      while (co_await opened->read()) opened->send(std::make_shared<const std::string>(std::to_string(++count)));
    }
  };
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    response.add("x-extra", "yes");
    response.upgrade = [&](std::shared_ptr<WebSocket> opened) { return Use::wait(held, gate, std::move(opened)); };
    co_return;
  };
  rig.start();
  auto client = co_await open(rig);
  std::string many;
  for (int i = 0; i < 200; ++i) many += frame(1, "x");
  co_await client->send(many);
  co_await rig.until([&] { return gate.waiting() == 1; });
  co_await rig.settle();
  gate.notify_all();
  for (int i = 1; i <= 200; ++i) CO_ASSERT_EQ((co_await next_frame(*client)).payload, std::to_string(i));
}

HTTP_TEST(WebSocket, L_3_stop_closes_with_1001) {
  auto& sockets = rig.keep<Sockets>();
  rig.start();
  auto polite = co_await open(rig);
  auto deaf = co_await open(rig);
  co_await rig.until([&] { return sockets.sessions == 2; });
  rig.scope.spawn("stop", Rig::stop_server(rig));
  EXPECT_EQ((co_await next_frame(*polite)).close_code(), 1001);
  co_await polite->send(close_frame(1001));
  EXPECT_TRUE(co_await polite->ends());
  polite->close();
  EXPECT_EQ((co_await next_frame(*deaf)).close_code(), 1001);
  co_await rig.settle();
  EXPECT_FALSE(rig.stopped);
  co_await rig.pass_until([&] { return rig.stopped; });
  EXPECT_EQ(sockets.ended, 2);
}

HTTP_TEST(WebSocket, user_that_does_not_read_is_cancelled_when_the_grace_is_over) {
  async::Event never(rig.loop.executor());
  struct Use {
    static awaitable<void> wait(async::Event& event, std::shared_ptr<WebSocket>) { co_await event.wait(); }
  };
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    response.add("x-extra", "yes");
    response.upgrade = [&](std::shared_ptr<WebSocket> opened) { return Use::wait(never, std::move(opened)); };
    co_return;
  };
  rig.start();
  auto client = co_await open(rig);
  co_await rig.until([&] { return never.waiting() == 1; });
  rig.scope.spawn("stop", Rig::stop_server(rig));
  co_await rig.pass_until([&] { return rig.stopped; });
  EXPECT_TRUE(rig.faults.empty());
}

}  // namespace
}  // namespace watchbell::http::test
// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
