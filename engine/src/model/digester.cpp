#include "model/digester.hpp"

#include "model/sha256.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string>

namespace gantry::model {

struct digester::impl {
  struct deleter {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::optional<sha256_ni> native;
  std::unique_ptr<EVP_MD_CTX, deleter> context;  ///< where \ref native is not
  digest_algorithm algorithm;
};

digester::digester(digest_algorithm algorithm, method how) : impl_(std::make_unique<impl>()) {
  impl_->algorithm = algorithm;
  if (how == method::best && gains_from_pairs(algorithm)) {
    impl_->native.emplace();
    return;
  }
  impl_->context.reset(EVP_MD_CTX_new());
  const EVP_MD* chosen = algorithm == digest_algorithm::sha256 ? EVP_sha256() : EVP_sha512();
  if (!impl_->context || EVP_DigestInit_ex(impl_->context.get(), chosen, nullptr) != 1) throw std::bad_alloc();
}

digester::digester(digester&&) noexcept = default;
digester& digester::operator=(digester&&) noexcept = default;
digester::~digester() = default;

void digester::update(std::span<const std::byte> bytes) {
  if (impl_->native) return impl_->native->update(bytes);
  EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size());
}

bool digester::gains_from_pairs(digest_algorithm algorithm) noexcept {
  return algorithm == digest_algorithm::sha256 && sha256_ni::available();
}

void digester::update_pair(digester& a, std::span<const std::byte> bytes_a, digester& b, std::span<const std::byte> bytes_b) {
  if (a.impl_->native && b.impl_->native) return sha256_ni::update_pair(*a.impl_->native, bytes_a, *b.impl_->native, bytes_b);
  a.update(bytes_a);
  b.update(bytes_b);
}

digest digester::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
  unsigned length = 0;
  if (impl_->native) {
    const auto hash = impl_->native->finish();
    length = static_cast<unsigned>(hash.size());
    std::copy(hash.begin(), hash.end(), raw.begin());
  } else {
    EVP_DigestFinal_ex(impl_->context.get(), raw.data(), &length);
  }
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
