// Receiving over TLS: with the engine's own loop, which reads long pieces of ciphertext, and with Asio's stream, which reads a record at a
// time. The seconds of CPU are the receiver's alone.

#include "input.hpp"
#include "net/tcp_stream.hpp"
#include "net/tls_stream.hpp"
#include "system.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

namespace gantry::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using runtime::use_task;

constexpr std::size_t block = 256 << 10;
constexpr std::size_t total = 256 << 20;

/// A server's settings, with a certificate that nobody checks.
SSL_CTX* server_settings() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX* const settings = SSL_CTX_new(TLS_server_method());
  must(SSL_CTX_use_certificate(settings, certificate) == 1 && SSL_CTX_use_PrivateKey(settings, key) == 1, "certificate");
  X509_free(certificate);
  EVP_PKEY_free(key);
  return settings;
}

/// Somebody at the other end of a connection who sends \ref total bytes over TLS.
class tls_sender {
 public:
  tls_sender() {
    const auto [near, far] = connected_sockets();
    receiver_ = near;
    thread_ = std::thread([other = far] {
      static SSL_CTX* const settings = server_settings();
      const auto input = noise(block);
      SSL* const stream = SSL_new(settings);
      SSL_set_fd(stream, other);
      must(SSL_accept(stream) == 1, "accept over TLS");
      for (std::size_t sent = 0; sent < total;) {
        const int count = SSL_write(stream, input.view().data(), static_cast<int>(block));
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      SSL_shutdown(stream);
      SSL_free(stream);
      ::close(other);
    });
  }
  tls_sender(const tls_sender&) = delete;
  tls_sender& operator=(const tls_sender&) = delete;
  ~tls_sender() { thread_.join(); }
  /// Who takes it over closes it.
  int receiver() const noexcept { return receiver_; }

 private:
  int receiver_;
  std::thread thread_;
};

runtime::task<> receive_with_own_loop(tcp::socket socket, std::span<std::byte> into) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> settings(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  net::tls_stream stream(net::make_tcp_stream(std::move(socket)), net::ssl_ptr(SSL_new(settings.get())),
                         std::make_shared<net::tls_sessions>(), "localhost");
  const error_code refused = co_await stream.handshake();
  must(!refused, "handshake");
  for (std::size_t done = 0; done < total;) {
    const net::read_result got = co_await stream.read_some(into);
    must(!got.code && got.bytes != 0, "read");
    done += got.bytes;
  }
}

runtime::task<> receive_with_asio(tcp::socket socket, std::span<std::byte> into) {
  asio::ssl::context settings(asio::ssl::context::tls_client);
  asio::ssl::stream<tcp::socket> stream(std::move(socket), settings);
  const auto [refused] = co_await stream.async_handshake(asio::ssl::stream_base::client, use_task);
  must(!refused, "handshake");
  for (std::size_t done = 0; done < total;) {
    const auto [code, count] = co_await stream.async_read_some(asio::buffer(into.data(), into.size()), use_task);
    must(!code, "read");
    done += count;
  }
}

void receive_tls(benchmark::State& state, runtime::task<> (*receive)(tcp::socket, std::span<std::byte>)) {
  const bytes memory(block);
  for (auto _ : state) {
    const tls_sender from;
    asio::io_context context;
    asio::co_spawn(context, receive(tcp::socket(context, tcp::v4(), from.receiver()), memory.view()), asio::detached);
    context.run();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(total));
}

void receive_tls_with_own_loop(benchmark::State& state) { receive_tls(state, receive_with_own_loop); }
void receive_tls_with_asio(benchmark::State& state) { receive_tls(state, receive_with_asio); }
BENCHMARK(receive_tls_with_own_loop)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(receive_tls_with_asio)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gantry::bench
