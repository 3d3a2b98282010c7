#include "archive/tar.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace gantry::archive {
namespace {

/// The ustar header block, field by field (POSIX.1-2017, pax, "ustar Interchange Format").
struct ustar {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char user_name[32];
  char group_name[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(ustar) == tar_block);

/// Eleven octal digits.
constexpr std::uint64_t ustar_size_limit = std::uint64_t{1} << 33;

/// Octal digits with leading zeros and a NUL at the end.
template <std::size_t N>
void put_octal(char (&field)[N], std::uint64_t value) {
  field[N - 1] = '\0';
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
}

template <std::size_t N>
void put_text(char (&field)[N], std::string_view text) {
  text.copy(field, N);
}

struct split_name {
  std::string_view prefix;
  std::string_view name;
};

/// How ustar stores \p name: whole, or cut at a slash.
std::optional<split_name> split(std::string_view name) {
  if (name.size() <= sizeof(ustar::name)) return split_name{{}, name};
  // The last slash that leaves the prefix short enough; a trailing slash of a directory is no place to cut.
  const std::size_t slash = name.substr(0, std::min(name.size() - 1, sizeof(ustar::prefix) + 1)).rfind('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  if (name.size() - slash - 1 > sizeof(ustar::name)) return std::nullopt;
  return split_name{name.substr(0, slash), name.substr(slash + 1)};
}

std::string block(split_name name, std::uint64_t size, char type) {
  ustar header{};
  put_text(header.name, name.name);
  put_text(header.prefix, name.prefix);
  put_octal(header.mode, type == '5' ? 0755 : 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  // A size that does not fit stands in the extended header, which wins.
  put_octal(header.size, size < ustar_size_limit ? size : 0);
  put_octal(header.mtime, 0);
  header.type = type;
  std::memcpy(header.magic, "ustar", sizeof header.magic);
  std::memcpy(header.version, "00", sizeof header.version);
  put_octal(header.device_major, 0);
  put_octal(header.device_minor, 0);

  // The sum is taken with blanks in its own field, and written as six digits, NUL, blank.
  std::memset(header.checksum, ' ', sizeof header.checksum);
  std::array<unsigned char, tar_block> bytes{};
  std::memcpy(bytes.data(), &header, sizeof header);
  std::uint64_t sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  char digits[7];
  put_octal(digits, sum);
  std::memcpy(header.checksum, digits, sizeof digits);

  std::string out(sizeof header, '\0');
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) length = std::to_string(length).size() + rest;
  std::string record = std::to_string(length);
  return record.append(" ").append(key).append("=").append(value).append("\n");
}

}  // namespace

std::string tar_header(std::string_view name, std::uint64_t size, tar_type type) {
  const std::optional<split_name> fitting = split(name);
  std::string records;
  if (!fitting) records += pax_record("path", name);
  if (size >= ustar_size_limit) records += pax_record("size", std::to_string(size));

  std::string out;
  const std::string_view cut = name.substr(0, sizeof(ustar::name));
  if (!records.empty()) {
    // What readers without pax would call the extended header's file; the name has no meaning else.
    const std::string extended_name =
        std::string("PaxHeaders/").append(name.substr(name.find_last_of('/', name.size() - 2) + 1)).substr(0, 100);
    out += block({{}, extended_name}, records.size(), 'x');
    out += records;
    out.append(tar_padding(records.size()), '\0');
  }
  return out + block(fitting.value_or(split_name{{}, cut}), size, static_cast<char>(type));
}

}  // namespace gantry::archive
