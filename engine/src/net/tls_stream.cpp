#include "net/tls_stream.hpp"

#include "base/forget_oldest.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace gantry::net {
namespace {

namespace asio = boost::asio;

// The largest record of TLS 1.2 with its head (RFC 5246 section 6.2.3); those of 1.3 are smaller.
constexpr std::size_t record_bytes = 5 + 16 * 1024 + 2048;
// A read asks for this much more than the reader's buffer has room for, so that the overhead of the records does not cost a read of its
// own.
constexpr std::size_t beyond_bytes = 4 * 1024;
// Half the size costs 0.14 CPU s/GB more, twice the size gains nothing.
constexpr std::size_t block_bytes = 128 * 1024 + beyond_bytes;

/// Memory for one long read, from those that this thread has. A stream over another needs one each.
class block_lease {
 public:
  block_lease() noexcept {
    if (auto& spare = spare_blocks(); !spare.empty()) {
      block_ = std::move(spare.back());
      spare.pop_back();
    } else {
      block_.reset(static_cast<std::byte*>(std::aligned_alloc(page_bytes, block_bytes)));
    }
  }
  block_lease(const block_lease&) = delete;
  block_lease& operator=(const block_lease&) = delete;
  ~block_lease() {
    auto& spare = spare_blocks();
    if (block_ && spare.size() < spare.capacity()) spare.push_back(std::move(block_));
  }
  /// Empty when there is no memory.
  std::span<std::byte> bytes() const noexcept { return {block_.get(), block_ ? block_bytes : 0}; }

 private:
  static constexpr std::size_t page_bytes = 4096;
  struct free_memory {
    void operator()(std::byte* data) const noexcept { std::free(data); }
  };
  using block = std::unique_ptr<std::byte, free_memory>;
  static std::vector<block>& spare_blocks() {
    thread_local std::vector<block> spare = [] {
      std::vector<block> none;
      none.reserve(2);
      return none;
    }();
    return spare;
  }

  block block_;
};

// What is encrypted at once, so that a large body does not stand in memory twice.
constexpr std::size_t plain_bytes = 64 * 1024;

error_code last_tls_error() {
  const unsigned long reason = ERR_get_error();
  // Without a reason OpenSSL can only mean the transport, whose errors do not come this way.
  if (reason == 0) return asio::ssl::error::unspecified_system_error;
  return {static_cast<int>(reason), asio::error::get_ssl_category()};
}

bool is_current(const X509* certificate, std::time_t now) {
  if (certificate == nullptr) return false;
  return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 && X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

}  // namespace

void ssl_release::operator()(SSL* value) const noexcept { SSL_free(value); }
void ssl_release::operator()(SSL_SESSION* value) const noexcept { SSL_SESSION_free(value); }

void tls_sessions::remember(const std::string& host, SSL_SESSION* session) {
  kept_session& latest = latest_[host];
  latest.session.reset(session);
  latest.since = std::chrono::steady_clock::now();
  const auto since = [](const kept_session& one) { return one.since; };
  const auto in_use = [](const kept_session&) { return false; };  // OpenSSL counts references
  forget_oldest(latest_, most_hosts, since, in_use);
}

SSL_SESSION* tls_sessions::find(const std::string& host, std::time_t now) {
  const auto found = latest_.find(host);
  if (found == latest_.end()) return nullptr;
  SSL_SESSION* const session = found->second.session.get();
  if (is_current(SSL_SESSION_get0_peer(session), now)) return session;
  latest_.erase(found);
  return nullptr;
}

void tls_sessions::attach(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* native, SSL_SESSION* session) {
    const auto* stream = static_cast<const tls_stream*>(SSL_get_app_data(native));
    if (stream == nullptr || SSL_SESSION_is_resumable(session) == 0) return 0;
    stream->sessions_->remember(stream->host_, session);
    return 1;  // the reference is ours now
  });
}

BIO_METHOD* tls_stream::wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gantry stream");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(made, &tls_stream::take);
    BIO_meth_set_write_ex(made, &tls_stream::put);
    BIO_meth_set_ctrl(made, &tls_stream::control);
    return made;
  }();
  return method;
}

int tls_stream::take(BIO* wire, char* into, std::size_t length, std::size_t* taken) {
  auto& self = *static_cast<tls_stream*>(BIO_get_data(wire));
  BIO_clear_retry_flags(wire);
  const std::size_t count = std::min(length, self.cipher_.size());
  *taken = count;
  if (count == 0) {
    BIO_set_retry_read(wire);
    return 0;
  }
  std::memcpy(into, self.cipher_.data(), count);
  self.cipher_ = self.cipher_.subspan(count);
  return 1;
}

int tls_stream::put(BIO* wire, const char* bytes, std::size_t length, std::size_t* accepted) {
  auto& self = *static_cast<tls_stream*>(BIO_get_data(wire));
  BIO_clear_retry_flags(wire);
  self.outgoing_.append(bytes, length);
  *accepted = length;
  return 1;
}

long tls_stream::control(BIO* /*wire*/, int command, long /*number*/, void* /*pointer*/) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

tls_stream::tls_stream(std::unique_ptr<byte_stream> transport, ssl_ptr native, std::shared_ptr<tls_sessions> sessions, std::string host)
    : transport_(std::move(transport)),
      native_(std::move(native)),
      sessions_(std::move(sessions)),
      host_(std::move(host)),
      kept_(std::make_unique_for_overwrite<std::byte[]>(kept_bytes)) {
  static_assert(kept_bytes >= record_bytes + beyond_bytes);
  BIO* wire = BIO_new(wire_method());
  if (!native_ || wire == nullptr) throw std::bad_alloc();
  BIO_set_data(wire, this);
  BIO_set_init(wire, 1);
  SSL_set_bio(native_.get(), wire, wire);
  SSL_set_app_data(native_.get(), this);
  SSL_set_connect_state(native_.get());
  // What OpenSSL holds for a record between two of them is better spent elsewhere.
  SSL_set_mode(native_.get(), SSL_MODE_RELEASE_BUFFERS);
  // A renegotiation would write in the middle of a read; TLS 1.3 has none.
  SSL_set_options(native_.get(), SSL_OP_NO_RENEGOTIATION);
}

tls_stream::~tls_stream() {
  // Without a mark of a proper end OpenSSL would take the session for spoilt and not resume it. HTTP knows where its messages end.
  SSL_set_shutdown(native_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

error_code tls_stream::received(std::span<std::byte> block, read_result got) noexcept {
  cipher_ = block.first(got.bytes);
  more_likely_ = got.bytes == block.size();
  if (got.code) return got.code;
  return got.bytes == 0 ? error_code(asio::ssl::error::stream_truncated) : error_code();
}

/// Waits for more. What comes first goes to the connection's own memory, since nobody may have the shared one while waiting.
task<error_code> tls_stream::refill() {
  const std::span<std::byte> own(kept_.get(), kept_bytes);
  const read_result got = co_await transport_->read_some(own);
  co_return received(own, got);
}

/// Takes what is there for a reader that wants \p wanted bytes. asio::error::would_block: nothing.
error_code tls_stream::fill(std::span<std::byte> block, std::size_t wanted) noexcept {
  if (block.empty()) block = std::span(kept_.get(), kept_bytes);
  const std::span<std::byte> part = block.first(std::min(block.size(), wanted + beyond_bytes));
  const read_result got = transport_->read_now(part);
  if (got.code == asio::error::would_block) return got.code;
  return broken_ = received(part, got);
}

/// OpenSSL takes records whole, and before the read it had less than one: with the reader's buffer full, what is left is that much and what
/// was asked for beyond it.
void tls_stream::keep_rest() noexcept {
  // Behind an end nothing is read, and a bound that a peer could pass would be worse than a lost connection.
  if (cipher_.size() > kept_bytes && !ended_ && !broken_) broken_ = asio::error::no_buffer_space;
  if (broken_ || ended_) cipher_ = {};
  if (!cipher_.empty() && cipher_.data() != kept_.get()) std::memmove(kept_.get(), cipher_.data(), cipher_.size());
  cipher_ = std::span<const std::byte>(kept_.get(), cipher_.size());
}

task<error_code> tls_stream::flush(const listener* listens) {
  if (outgoing_.empty()) co_return error_code();
  // A read meanwhile may put more there.
  std::string records = std::move(outgoing_);
  outgoing_.clear();
  const std::span<const std::byte> bytes = std::as_bytes(std::span(records));
  // Who listens reads through this stream, which takes in what is not for the reader (tickets, keys): no call of OpenSSL is under way here.
  error_code code;
  if (listens != nullptr) {
    code = co_await transport_->write_heard(bytes, *listens);
  } else {
    code = co_await transport_->write_all(bytes);
  }
  records.clear();
  if (outgoing_.empty()) outgoing_.swap(records);
  co_return code;
}

task<error_code> tls_stream::handshake() {
  if (SSL_SESSION* known = sessions_->find(host_, std::time(nullptr))) SSL_set_session(native_.get(), known);
  error_code code;
  for (int what = SSL_ERROR_WANT_READ; what != SSL_ERROR_NONE && !code;) {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(native_.get());
    what = outcome == 1 ? SSL_ERROR_NONE : SSL_get_error(native_.get(), outcome);
    if (what != SSL_ERROR_NONE && what != SSL_ERROR_WANT_READ) code = last_tls_error();
    // An alert that tells the peer why goes out too.
    const error_code sent = co_await flush();
    if (!code) code = sent;
    if (!code && what == SSL_ERROR_WANT_READ) code = co_await refill();
  }
  // Whatever the reason was, the next attempt should not depend on what this server once gave.
  if (code) sessions_->forget(host_);
  co_return code;
}

/// Decrypts what has been received. asio::error::would_block: nothing whole is there. What the peer makes OpenSSL answer (an update of
/// keys) goes out with the next write, as RFC 8446 section 4.6.3 allows.
read_result tls_stream::decrypt(std::span<std::byte> into) noexcept {
  read_result outcome;
  while (outcome.bytes < into.size() && !broken_ && !ended_) {
    ERR_clear_error();
    std::size_t got = 0;
    if (SSL_read_ex(native_.get(), into.data() + outcome.bytes, into.size() - outcome.bytes, &got) == 1) {
      outcome.bytes += got;
      continue;
    }
    const int what = SSL_get_error(native_.get(), 0);
    if (what == SSL_ERROR_WANT_READ) break;
    if (what == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
    } else {
      broken_ = last_tls_error();
    }
  }
  if (outcome.bytes != 0 || into.empty() || ended_) return outcome;
  outcome.code = broken_ ? broken_ : error_code(asio::error::would_block);
  return outcome;
}

read_result tls_stream::read_now(std::span<std::byte> into) noexcept {
  read_result outcome = decrypt(into);
  if (outcome.bytes == into.size() || broken_ || ended_ || !(more_likely_ || outcome.bytes == 0)) return outcome;
  const block_lease block;
  // Goes on while the transport fills the block, so that a fast line needs few turns of the event loop.
  while (outcome.bytes < into.size() && !broken_ && !ended_ && (more_likely_ || outcome.bytes == 0)) {
    if (fill(block.bytes(), into.size() - outcome.bytes)) break;
    const read_result more = decrypt(into.subspan(outcome.bytes));
    outcome.bytes += more.bytes;
    if (more.bytes != 0) outcome.code = {};
  }
  keep_rest();
  if (outcome.bytes == 0 && broken_) outcome.code = broken_;
  if (outcome.bytes == 0 && ended_) outcome.code = {};
  return outcome;
}

task<read_result> tls_stream::read_some(std::span<std::byte> into) {
  for (;;) {
    const read_result there = read_now(into);
    if (there.code != asio::error::would_block) co_return there;
    broken_ = co_await refill();
  }
}

task<error_code> tls_stream::write_records(std::span<const std::byte> bytes, const listener* listens) {
  while (!bytes.empty()) {
    const std::span<const std::byte> part = bytes.first(std::min(bytes.size(), plain_bytes));
    ERR_clear_error();
    std::size_t written = 0;
    // The wire takes everything, so a write never wants to be repeated.
    if (SSL_write_ex(native_.get(), part.data(), part.size(), &written) != 1) co_return last_tls_error();
    const error_code code = co_await flush(listens);
    if (code) co_return code;
    bytes = bytes.subspan(written);
  }
  co_return error_code();
}

// Session tickets come some time after the handshake, to a connection that was opened ahead while it lies in the pool: reading a record
// that is no data takes them in.
bool tls_stream::quiet() noexcept {
  for (int rounds = 0; rounds < 16 && !broken_ && !ended_; ++rounds) {
    std::byte next;
    std::size_t got = 0;
    ERR_clear_error();
    if (SSL_peek_ex(native_.get(), &next, 1, &got) == 1) return false;
    if (SSL_get_error(native_.get(), 0) != SSL_ERROR_WANT_READ) return false;
    if (fill(std::span(kept_.get(), kept_bytes), kept_bytes) == asio::error::would_block) return true;
  }
  return false;
}

std::size_t tls_stream::unread() const noexcept {
  return transport_->unread() + cipher_.size() + static_cast<std::size_t>(std::max(SSL_pending(native_.get()), 0));
}

}  // namespace gantry::net
