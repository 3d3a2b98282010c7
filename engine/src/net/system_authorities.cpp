#include "net/system_authorities.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <memory>
#include <system_error>

namespace gantry::net {
namespace {

using chain_ptr = std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)>;

/// Where a bundle is when OpenSSL was not built for this distribution: Debian and Alpine, Fedora, RHEL, SUSE, BSD.
constexpr const char* usual_bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem",
                                         "/etc/ssl/cert.pem"};

/// As OpenSSL reads it: not in a program that runs with another user's rights.
std::string variable(const char* name) {
  const char* const value = secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::filesystem::path system_bundle() {
  std::filesystem::path built_in = X509_get_default_cert_file();
  std::error_code ignored;
  if (std::filesystem::exists(built_in, ignored)) return built_in;
  for (const char* const usual : usual_bundles) {
    if (std::filesystem::exists(usual, ignored)) return usual;
  }
  return built_in;
}

/// Whether a chain verifies with what the store has or finds by hash. The chain itself can be verified once only, so this is done on
/// another.
bool verifies(X509_STORE_CTX* chain) {
  const chain_ptr trial(X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  if (!trial || X509_STORE_CTX_init(trial.get(), X509_STORE_CTX_get0_store(chain), X509_STORE_CTX_get0_cert(chain),
                                    X509_STORE_CTX_get0_untrusted(chain)) != 1)
    return false;
  X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(trial.get()), X509_STORE_CTX_get0_param(chain));
  return X509_verify_cert(trial.get()) == 1;
}

}  // namespace

authority_places authority_places::find() {
  authority_places found;
  const std::string file = variable(X509_get_default_cert_file_env());
  found.bundle_by_variable = !file.empty();
  found.bundle = found.bundle_by_variable ? std::filesystem::path(file) : system_bundle();
  found.directories = variable(X509_get_default_cert_dir_env());
  found.directories_by_variable = !found.directories.empty();
  if (!found.directories_by_variable) found.directories = X509_get_default_cert_dir();
  return found;
}

void system_authorities::attach(SSL_CTX* rules) {
  X509_STORE* const store = SSL_CTX_get_cert_store(rules);
  places_ = authority_places::find();
  if (X509_LOOKUP* const by_hash = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir())) {
    X509_LOOKUP_add_dir(by_hash, places_.directories.c_str(), X509_FILETYPE_PEM);
  }
  reader_ = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  SSL_CTX_set_cert_verify_callback(rules, &system_authorities::verify, this);
}

int system_authorities::verify(X509_STORE_CTX* chain, void* self) {
  auto& authorities = *static_cast<system_authorities*>(self);
  // What fails on the way is no failure of the handshake, which looks for one in the same queue.
  ERR_set_mark();
  if (!authorities.parsed() && !verifies(chain)) authorities.parse();
  ERR_pop_to_mark();
  return X509_verify_cert(chain);
}

void system_authorities::parse() {
  if (parsed_ || reader_ == nullptr) return;
  parsed_ = true;
  // One that cannot be read adds no trust.
  if (X509_load_cert_crl_file(reader_, places_.bundle.c_str(), X509_FILETYPE_PEM) > 0 || !places_.bundle_by_variable) return;
  problem_ = fmt::format("SSL_CERT_FILE names {}, which holds no certificate that can be read", places_.bundle.string());
}

}  // namespace gantry::net
