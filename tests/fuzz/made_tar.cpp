#include "fuzz/made_tar.hpp"

#include "archive/tar.hpp"
#include "model/digester.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

namespace gantry::fuzz {
namespace {

constexpr std::size_t block_size = 512;
constexpr std::size_t most_members = 26;

void set_checksum(char* header) {
  constexpr std::size_t at = 148;
  constexpr std::size_t length = 8;
  for (std::size_t i = 0; i < length; ++i) header[at + i] = ' ';
  unsigned sum = 0;
  for (std::size_t i = 0; i < block_size; ++i) sum += static_cast<unsigned char>(header[i]);
  std::snprintf(header + at, length, "%06o", sum);
}

/// What was made of a member: the digits of its digest, and its size.
struct made_content {
  std::string hex;
  std::string size;
};

std::string filled_in(std::string_view text, const std::vector<made_content>& made) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = (text[i] == '$' || text[i] == '#') && i + 1 < text.size();
    const auto which = mark ? static_cast<std::size_t>(static_cast<unsigned char>(text[i + 1])) - 'a' : most_members;
    if (which >= made.size()) {
      out += text[i];
      continue;
    }
    out += text[i] == '$' ? made[which].hex : made[which].size;
    ++i;
  }
  return out;
}

std::string header_of(char type, std::string name, std::string target, std::size_t size) {
  std::string block(block_size, '\0');
  name.resize(std::min<std::size_t>(name.size(), 100));
  target.resize(std::min<std::size_t>(target.size(), 100));
  block.replace(0, name.size(), name);
  block.replace(157, target.size(), target);
  std::snprintf(block.data() + 124, 12, "%011zo", size);
  block[156] = type;
  block.replace(257, 5, "ustar");
  block.replace(263, 2, "00");
  set_checksum(block.data());
  return block;
}

}  // namespace

std::string with_checksums(std::string tar) {
  for (std::size_t at = 0; at + block_size <= tar.size(); at += block_size) {
    if (std::string_view(tar).substr(at + 257, 5) == "ustar") set_checksum(tar.data() + at);
  }
  return tar;
}

std::string made_tar(std::string_view text) {
  std::string tar;
  std::vector<made_content> made;
  while (text.starts_with('=') && made.size() < most_members) {
    const std::size_t next = text.find("\n=");
    const std::string_view member = text.substr(0, next);
    text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
    const std::size_t line = member.find('\n');
    const std::string_view first = member.substr(0, line);
    const std::string content = filled_in(line == std::string_view::npos ? std::string_view() : member.substr(line + 1), made);
    made.push_back({std::string(model::digest_of(content).string().substr(7)), std::to_string(content.size())});
    const std::size_t arrow = first.find('>');
    const std::string name = filled_in(first.size() > 3 ? first.substr(3, arrow == std::string_view::npos ? arrow : arrow - 3) : "", made);
    const std::string target = arrow == std::string_view::npos ? std::string() : filled_in(first.substr(arrow + 1), made);
    tar += header_of(first.size() > 1 ? first[1] : '0', name, target, content.size());
    tar += content;
    tar.append(archive::tar_padding(content.size()), '\0');
  }
  return tar.append(2 * block_size, '\0');
}

}  // namespace gantry::fuzz
