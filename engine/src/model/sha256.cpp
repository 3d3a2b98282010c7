#include "model/sha256.hpp"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define GANTRY_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace gantry::model {
namespace {

#ifdef GANTRY_SHA_NI

// FIPS 180-4 section 4.2.2.
alignas(16) constexpr std::uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// One stream: eight words of state and where its next block is.
struct lane {
  std::uint32_t* state;
  const std::byte* data;
};

/// Hashes \p blocks blocks of each lane, the rounds of all lanes side by side.
template <std::size_t Lanes>
[[gnu::target("sha,ssse3,sse4.1")]] void compress(const std::array<lane, Lanes>& lanes, std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  // The instructions want the state as ABEF and CDGH.
  __m128i abef[Lanes];
  __m128i cdgh[Lanes];
#pragma GCC unroll 2
  for (std::size_t i = 0; i < Lanes; ++i) {
    const __m128i abcd = _mm_load_si128(reinterpret_cast<const __m128i*>(lanes[i].state));
    const __m128i efgh = _mm_load_si128(reinterpret_cast<const __m128i*>(lanes[i].state + 4));
    const __m128i cdab = _mm_shuffle_epi32(abcd, 0xb1);
    const __m128i hgfe = _mm_shuffle_epi32(efgh, 0x1b);
    abef[i] = _mm_alignr_epi8(cdab, hgfe, 8);
    cdgh[i] = _mm_blend_epi16(hgfe, cdab, 0xf0);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    __m128i words[Lanes][4];
    __m128i abef_before[Lanes];
    __m128i cdgh_before[Lanes];
#pragma GCC unroll 2
    for (std::size_t i = 0; i < Lanes; ++i) {
      abef_before[i] = abef[i];
      cdgh_before[i] = cdgh[i];
#pragma GCC unroll 4
      for (std::size_t word = 0; word < 4; ++word) {
        const auto* from = reinterpret_cast<const __m128i*>(lanes[i].data + block * 64 + word * 16);
        words[i][word] = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
      }
    }
    // Four rounds a turn; each turn replaces the words it used by those that are wanted four turns later.
#pragma GCC unroll 16
    for (std::size_t turn = 0; turn < 16; ++turn) {
      const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants + turn * 4));
#pragma GCC unroll 2
      for (std::size_t i = 0; i < Lanes; ++i) {
        __m128i& oldest = words[i][turn % 4];
        const __m128i& second = words[i][(turn + 1) % 4];
        const __m128i& third = words[i][(turn + 2) % 4];
        const __m128i& newest = words[i][(turn + 3) % 4];
        const __m128i message = _mm_add_epi32(oldest, constants);
        cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], message);
        abef[i] = _mm_sha256rnds2_epu32(abef[i], cdgh[i], _mm_shuffle_epi32(message, 0x0e));
        if (turn >= 12) continue;
        const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, second), _mm_alignr_epi8(newest, third, 4));
        oldest = _mm_sha256msg2_epu32(partial, newest);
      }
    }
#pragma GCC unroll 2
    for (std::size_t i = 0; i < Lanes; ++i) {
      abef[i] = _mm_add_epi32(abef[i], abef_before[i]);
      cdgh[i] = _mm_add_epi32(cdgh[i], cdgh_before[i]);
    }
  }
#pragma GCC unroll 2
  for (std::size_t i = 0; i < Lanes; ++i) {
    const __m128i feba = _mm_shuffle_epi32(abef[i], 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(cdgh[i], 0xb1);
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes[i].state), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes[i].state + 4), _mm_alignr_epi8(dchg, feba, 8));
  }
}

bool processor_has_it() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_SSSE3) == 0 || (ecx & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0;
}

#else

struct lane {
  std::uint32_t* state;
  const std::byte* data;
};
template <std::size_t Lanes>
void compress(const std::array<lane, Lanes>& /*lanes*/, std::size_t /*blocks*/) {}
bool processor_has_it() noexcept { return false; }

#endif

}  // namespace

bool sha256_ni::available() noexcept {
  static const bool answer = processor_has_it();
  return answer;
}

std::span<const std::byte> sha256_ni::fill(std::span<const std::byte> bytes) noexcept {
  total_ += bytes.size();
  if (opened_ == 0) return bytes;
  const std::size_t count = std::min(bytes.size(), block_bytes - opened_);
  if (count != 0) std::memcpy(open_.data() + opened_, bytes.data(), count);
  opened_ += count;
  if (opened_ == block_bytes) {
    compress<1>({lane{state_.data(), open_.data()}}, 1);
    opened_ = 0;
  }
  return bytes.subspan(count);
}

void sha256_ni::rest(std::span<const std::byte> bytes) noexcept {
  const std::size_t blocks = bytes.size() / block_bytes;
  if (blocks != 0) compress<1>({lane{state_.data(), bytes.data()}}, blocks);
  bytes = bytes.subspan(blocks * block_bytes);
  if (bytes.empty()) return;
  std::memcpy(open_.data(), bytes.data(), bytes.size());
  opened_ = bytes.size();
}

void sha256_ni::update(std::span<const std::byte> bytes) noexcept { rest(fill(bytes)); }

void sha256_ni::update_pair(sha256_ni& a, std::span<const std::byte> bytes_a, sha256_ni& b, std::span<const std::byte> bytes_b) noexcept {
  const std::span<const std::byte> left_a = a.fill(bytes_a);
  const std::span<const std::byte> left_b = b.fill(bytes_b);
  const std::size_t both = std::min(left_a.size(), left_b.size()) / block_bytes;
  if (both != 0) compress<2>({lane{a.state_.data(), left_a.data()}, lane{b.state_.data(), left_b.data()}}, both);
  a.rest(left_a.subspan(both * block_bytes));
  b.rest(left_b.subspan(both * block_bytes));
}

std::array<std::uint8_t, 32> sha256_ni::finish() noexcept {
  const std::uint64_t bits = total_ * 8;
  // One bit, zeros, and the length in the last eight bytes of a block.
  std::array<std::byte, 2 * block_bytes> tail{};
  tail[0] = std::byte{0x80};
  const std::size_t length = (opened_ < block_bytes - 8 ? block_bytes : 2 * block_bytes) - opened_;
  for (std::size_t i = 0; i < 8; ++i) tail[length - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
  update(std::span(tail).first(length));

  std::array<std::uint8_t, 32> hash;
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return hash;
}

}  // namespace gantry::model
