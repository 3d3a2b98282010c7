#include "support/tls_server.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <utility>

#include <csignal>

namespace gantry::test {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL refuses: ") + what);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  check(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// \param issuer null: signed with its own key
certificate_ptr make(EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, const certificate_request& wanted, bool authority) {
  static long serial = 1;
  certificate_ptr made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), 86'400L * wanted.from_days);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400L * wanted.to_days);
  X509_set_pubkey(made.get(), key);
  X509_NAME* name = X509_get_subject_name(made.get());
  // Names of their own, so that a chain is built to the right one of several authorities.
  const std::string common = authority ? "test authority " + std::to_string(serial) : "test server";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509* const signer = issuer != nullptr ? issuer : made.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
  extend(made.get(), signer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  extend(made.get(), signer, NID_subject_key_identifier, "hash");
  if (!authority) extend(made.get(), signer, NID_subject_alt_name, wanted.names);
  check(X509_sign(made.get(), issuer_key, EVP_sha256()) != 0, "signing");
  return made;
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<std::size_t>(length));
}

std::string pem(X509* certificate) {
  const bio_ptr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate);
  return text_of(memory.get());
}

std::string pem(EVP_PKEY* key) {
  const bio_ptr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(memory.get());
}

class session final : public tls_session {
 public:
  session(SSL* ssl, socket_handle& socket) : ssl_(ssl), socket_(socket) {}

  bool send(std::string_view bytes) override { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0; }

  std::string receive() override {
    std::string bytes(16 * 1024, '\0');
    const int got = SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  bool send_together(const std::vector<std::string>& records) override {
    BIO* const usual = SSL_get_wbio(ssl_);
    BIO_up_ref(usual);
    BIO* const memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl_, memory);
    for (const std::string& record : records) send(record);
    const std::string together = text_of(memory);
    SSL_set0_wbio(ssl_, usual);  // frees the memory
    return socket_.send(together);
  }

  bool resumed() override { return SSL_session_reused(ssl_) == 1; }

  void update_keys() override { SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED); }

  void say_goodbye() override { SSL_shutdown(ssl_); }

 private:
  SSL* ssl_;
  socket_handle& socket_;
};

}  // namespace

struct certificate_authority::state {
  key_ptr key{EVP_EC_gen("P-256")};
  certificate_ptr certificate{make(key.get(), nullptr, key.get(), {}, true)};
  std::string text{pem(certificate.get())};
};

certificate_authority::certificate_authority() : state_(std::make_unique<state>()) {}
certificate_authority::~certificate_authority() = default;

const std::string& certificate_authority::certificate() const noexcept { return state_->text; }

tls_identity certificate_authority::issue(const certificate_request& wanted) const {
  const key_ptr key(EVP_EC_gen("P-256"));
  const certificate_ptr made = make(key.get(), state_->certificate.get(), state_->key.get(), wanted, false);
  return {pem(made.get()), pem(key.get())};
}

tls_identity certificate_authority::self_signed(const certificate_request& wanted) {
  const key_ptr key(EVP_EC_gen("P-256"));
  const certificate_ptr made = make(key.get(), nullptr, key.get(), wanted, false);
  return {pem(made.get()), pem(key.get())};
}

conversation over_tls(tls_identity identity, std::function<void(tls_session&)> talk, int max_version, const std::string& client_authority) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);  // so that old versions can be spoken at all
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), max_version);
  const bio_ptr certificate_text(BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size())));
  const bio_ptr key_text(BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size())));
  const certificate_ptr certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  const key_ptr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  if (!client_authority.empty()) {
    const bio_ptr text(BIO_new_mem_buf(client_authority.data(), static_cast<int>(client_authority.size())));
    const certificate_ptr authority(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return [context, talk = std::move(talk)](socket_handle& socket) {
    // OpenSSL writes to a socket as to a file: a client that has gone away must not end the test.
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    const ssl_ptr ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), socket.fd());
    if (SSL_accept(ssl.get()) != 1) return;
    session speaking(ssl.get(), socket);
    talk(speaking);
  };
}

}  // namespace gantry::test
