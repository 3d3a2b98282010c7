#include "model/digester.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>
#include <string>

namespace gantry::model {

struct digester::impl {
  struct deleter {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, deleter> context{EVP_MD_CTX_new()};
  digest_algorithm algorithm;
};

digester::digester(digest_algorithm algorithm) : impl_(std::make_unique<impl>()) {
  impl_->algorithm = algorithm;
  const EVP_MD* method = algorithm == digest_algorithm::sha256 ? EVP_sha256() : EVP_sha512();
  if (!impl_->context || EVP_DigestInit_ex(impl_->context.get(), method, nullptr) != 1) throw std::bad_alloc();
}

digester::digester(digester&&) noexcept = default;
digester& digester::operator=(digester&&) noexcept = default;
digester::~digester() = default;

void digester::update(std::span<const std::byte> bytes) { EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()); }

digest digester::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
  unsigned length = 0;
  EVP_DigestFinal_ex(impl_->context.get(), raw.data(), &length);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = impl_->algorithm == digest_algorithm::sha256 ? "sha256:" : "sha512:";
  for (unsigned i = 0; i < length; ++i) {
    text += digits[raw[i] >> 4];
    text += digits[raw[i] & 15];
  }
  error_code ec;
  return digest::parse(text, ec);
}

digest digest_of(std::string_view bytes, digest_algorithm algorithm) {
  digester hash(algorithm);
  hash.update(bytes);
  return hash.finish();
}

}  // namespace gantry::model
