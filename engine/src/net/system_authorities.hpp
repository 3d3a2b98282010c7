#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <string>

namespace gantry::net {

/// Where the authorities of this system are looked for: a bundle and hashed directories. As with OpenSSL, Go and curl each of the two
/// variables takes the place of its own kind alone, and an empty one is none.
struct authority_places {
  std::filesystem::path bundle;
  std::string directories;               ///< separated by colons
  bool bundle_by_variable = false;       ///< SSL_CERT_FILE names it
  bool directories_by_variable = false;  ///< SSL_CERT_DIR names them

  static authority_places find();
};

/// The authorities that this system trusts, as OpenSSL finds them (\ref authority_places) or, where those have nothing, as the other
/// distributions keep them.
///
/// The hashed directory costs nothing until a chain names an authority of it. The bundle, some 140 certificates, costs 1.5 MiB and more CPU
/// time than a short pull, so it is parsed when a chain cannot be verified without it, once.
class system_authorities {
 public:
  /// Makes a context trust them. This object must live as long as handshakes of that context, which are one thread's at a time.
  void attach(SSL_CTX* rules);

  /// Whether the bundle has been parsed.
  bool parsed() const noexcept { return parsed_; }

  /// What is wrong with the bundle that a variable names, for people; empty while nothing is known to be.
  const std::string& problem() const noexcept { return problem_; }

 private:
  static int verify(X509_STORE_CTX* chain, void* self);
  void parse();

  authority_places places_;
  std::string problem_;
  X509_LOOKUP* reader_ = nullptr;  ///< owned by the context's store
  bool parsed_ = false;
};

}  // namespace gantry::net
