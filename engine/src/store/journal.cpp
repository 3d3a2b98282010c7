#include "store/journal.hpp"

#include <xxhash.h>

#include <algorithm>
#include <new>
#include <string_view>

namespace gantry::store {
namespace {

constexpr std::string_view magic = "gantryJ\n";
constexpr std::uint32_t version = 1;
constexpr std::size_t header_checksum_at = journal_header_bytes - 8;
constexpr std::size_t record_checksum_at = journal_record_bytes - 8;

template <class Integer>
void store_little(std::byte* to, Integer value) noexcept {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

std::uint64_t load_little(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return value;
}

unsigned hex_value(char digit) noexcept { return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

std::array<std::byte, journal_header_bytes> make_header(const digest& blob, std::uint64_t size) noexcept {
  std::array<std::byte, journal_header_bytes> header{};
  std::transform(magic.begin(), magic.end(), header.begin(), [](char c) { return static_cast<std::byte>(c); });
  store_little(header.data() + 8, version);
  store_little(header.data() + 12, std::uint32_t{blob.algorithm() == digest_algorithm::sha256 ? 1U : 2U});
  store_little(header.data() + 16, size);
  const std::string_view hex = blob.encoded();
  for (std::size_t i = 0; i < hex.size() / 2; ++i) {
    header[24 + i] = static_cast<std::byte>(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
  }
  store_little(header.data() + header_checksum_at, std::uint64_t{XXH3_64bits(header.data(), header_checksum_at)});
  return header;
}

}  // namespace

journal_codec::journal_codec(const digest& blob, std::uint64_t size) : size_(size), seed_(0), header_(make_header(blob, size)) {
  seed_ = load_little(header_.data() + header_checksum_at);
}

std::array<std::byte, journal_record_bytes> journal_codec::encode(const journal_record& record) const noexcept {
  std::array<std::byte, journal_record_bytes> bytes{};
  store_little(bytes.data(), record.offset);
  store_little(bytes.data() + 8, record.length);
  store_little(bytes.data() + 16, record.checksum);
  store_little(bytes.data() + record_checksum_at, std::uint64_t{XXH3_64bits_withSeed(bytes.data(), record_checksum_at, seed_)});
  return bytes;
}

std::optional<std::vector<journal_record>> journal_codec::decode(std::span<const std::byte> journal) const {
  if (journal.size() < header_.size() || !std::equal(header_.begin(), header_.end(), journal.begin())) return std::nullopt;
  std::vector<journal_record> records;
  for (auto rest = journal.subspan(header_.size()); rest.size() >= journal_record_bytes; rest = rest.subspan(journal_record_bytes)) {
    const std::byte* bytes = rest.data();
    if (load_little(bytes + record_checksum_at) != XXH3_64bits_withSeed(bytes, record_checksum_at, seed_)) continue;
    const journal_record record{load_little(bytes), load_little(bytes + 8), load_little(bytes + 16)};
    if (record.length == 0 || record.length > journal_piece_bytes) continue;
    if (record.length > size_ || record.offset > size_ - record.length) continue;
    records.push_back(record);
  }
  return records;
}

piece_hasher::piece_hasher() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  reset();
}

piece_hasher::~piece_hasher() = default;

void piece_hasher::release::operator()(void* state) const noexcept { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }

void piece_hasher::reset() noexcept { XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_.get())); }

void piece_hasher::update(std::span<const std::byte> bytes) noexcept {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_.get()), bytes.data(), bytes.size());
}

std::uint64_t piece_hasher::value() const noexcept { return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_.get())); }

}  // namespace gantry::store
