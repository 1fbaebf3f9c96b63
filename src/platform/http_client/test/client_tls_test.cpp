#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdio>
#include <filesystem>

#include "platform/http_client/test/fixture.hpp"

namespace watchbell::http::test {
namespace {

/// A self-signed certificate for app.test, made anew.
class Certificate {
 public:
  Certificate() {
    key_.reset(EVP_EC_gen("P-256"));
    X509_set_version(x509_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600);
    X509_set_pubkey(x509_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(x509_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("app.test"), -1, -1, 0);
    X509_set_issuer_name(x509_.get(), name);
    add(NID_subject_alt_name, "DNS:app.test");
    add(NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(x509_.get(), key_.get(), EVP_sha256());
  }
  std::string certificate() const {
    const auto bio = memory();
    PEM_write_bio_X509(bio.get(), x509_.get());
    return text(bio.get());
  }
  std::string key() const {
    const auto bio = memory();
    PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text(bio.get());
  }

 private:
  struct Free {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
    void operator()(BIO* x) const { BIO_free(x); }
    void operator()(X509_EXTENSION* x) const { X509_EXTENSION_free(x); }
  };
  static std::unique_ptr<BIO, Free> memory() { return std::unique_ptr<BIO, Free>(BIO_new(BIO_s_mem())); }
  static std::string text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
  }
  void add(int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    X509_add_ext(x509_.get(), extension.get(), -1);
  }
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> x509_{X509_new()};
};

class TlsSink final : public Sink {
 public:
  TlsSink(Executor executor, const Certificate& certificate, Answer answer) : Sink(executor, std::move(answer)), context_(asio::ssl::context::tls_server) {
    const std::string pem = certificate.certificate();
    const std::string key = certificate.key();
    context_.use_certificate_chain(asio::buffer(pem));
    context_.use_private_key(asio::buffer(key), asio::ssl::context::pem);
  }

 protected:
  awaitable<void> connection(Socket socket) override {
    asio::ssl::stream<Socket> stream(std::move(socket), context_);
    co_await stream.async_handshake(asio::ssl::stream_base::server, use_awaitable);
    co_await serve_and_count(stream);
  }

 private:
  asio::ssl::context context_;
};

/// A file in the temporary folder, gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) : path_((std::filesystem::temp_directory_path() / "watchbell-ca-XXXXXX").string()) {
    const int fd = ::mkstemp(path_.data());
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

SinkReply reply_ok(const SinkRequest&) { return {ok("hello")}; }

CO_TEST(ClientTls, a_self_signed_certificate_is_a_failure_unless_switched_off) {
  const Certificate certificate;
  Bench bench(loop);
  TlsSink sink(loop.executor(), certificate, reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  ClientRequest request = get(sink.url("/secret", "app.test", "https"));
  const auto refused = co_await bench.client.send(request);
  CO_ASSERT_TRUE(!refused.has_value());
  EXPECT_EQ(refused.error().kind, ClientFailure::tls_failed);
  EXPECT_NE(refused.error().message.find("certificate"), std::string::npos) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  EXPECT_EQ(sink.requests, 0u);

  request.verify_tls = false;
  const auto answer = co_await bench.client.send(request);
  CO_ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->body, "hello");
  EXPECT_TRUE(answer->timings.tls_ms.has_value());
  EXPECT_GT(*answer->timings.tls_ms, 0.0);
  // The unverified connection is kept, but not for those who verify.
  EXPECT_TRUE((co_await bench.client.send(request)).has_value());
  EXPECT_EQ(sink.accepted, 1u);
  request.verify_tls = true;
  EXPECT_EQ((co_await bench.client.send(request)).error().kind, ClientFailure::tls_failed);
  EXPECT_EQ(sink.requests, 2u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(ClientTls, verifies_the_chain_and_the_name) {
  const Certificate certificate;
  const TemporaryFile ca(certificate.certificate());
  Client::Options options;
  options.ca_file = ca.path();
  Bench bench(loop, "127.0.0.0/8", options);
  TlsSink sink(loop.executor(), certificate, reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  bench.name("other.test", {"127.0.0.1"});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((co_await bench.client.send(get(sink.url("/", "app.test", "https")))).has_value());
  EXPECT_EQ(sink.accepted, 1u);
  EXPECT_EQ((co_await bench.client.send(get(sink.url("/", "other.test", "https")))).error().kind, ClientFailure::tls_failed);
  EXPECT_EQ((co_await bench.client.send(get(sink.url("/", "127.0.0.1", "https")))).error().kind, ClientFailure::tls_failed);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(ClientTls, a_plain_server_is_no_secure_one_and_a_silent_one_times_out) {
  Bench bench(loop);
  Sink plain(loop.executor(), reply_ok);
  plain.start();
  bench.name("app.test", {"127.0.0.1"});
  ClientRequest request = get(plain.url("/", "app.test", "https"));
  request.connect_timeout = 100ms;
  // The sink waits for the end of a head that never comes: a handshake without an answer.
  const auto silent = co_await bench.client.send(request);
  CO_ASSERT_TRUE(!silent.has_value());
  EXPECT_EQ(silent.error().kind, ClientFailure::timed_out);
  EXPECT_FALSE(silent.error().timings.tls_ms.has_value());

  Certificate certificate;
  TlsSink secure(loop.executor(), certificate, reply_ok);
  secure.start();
  // Plain HTTP to a TLS port: the handshake of the other side fails and the connection is lost.
  EXPECT_EQ((co_await bench.client.send(get(secure.url()))).error().kind, ClientFailure::protocol_error);
  co_await bench.close();
  co_await plain.close();
  co_await secure.close();
}

}  // namespace
}  // namespace watchbell::http::test
