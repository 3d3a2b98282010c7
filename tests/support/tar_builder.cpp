#include "support/tar_builder.hpp"

#include <cstdio>
#include <stdexcept>

namespace gantry::test {
namespace {

void put(std::string& block, std::size_t at, std::string_view text, std::size_t room) {
  if (text.size() > room) throw std::invalid_argument("a tar field is too long for " + std::string(text));
  block.replace(at, text.size(), text);
}

std::string octal(std::uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

tar_builder& tar_builder::add_header(std::string_view name, std::uint64_t declared, char type, std::string_view target) {
  std::string block(512, '\0');
  put(block, 0, name, 100);
  put(block, 100, "0000644", 7);
  put(block, 108, "0000000", 7);
  put(block, 116, "0000000", 7);
  put(block, 124, octal(declared, 11), 12);
  put(block, 136, octal(0, 11), 11);
  put(block, 148, "        ", 8);
  block[156] = type;
  put(block, 157, target, 100);
  put(block, 257,
      std::string_view("ustar\0"
                       "00",
                       8),
      8);
  std::uint64_t sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  put(block, 148, octal(sum, 6), 6);
  block[154] = '\0';
  text_ += block;
  return *this;
}

void tar_builder::pad() { text_.resize((text_.size() + 511) / 512 * 512); }

tar_builder& tar_builder::add(std::string_view name, std::string_view content, char type, std::string_view target) {
  if (name.size() > 100) {
    add_header("././@LongLink", name.size() + 1, 'L');
    text_.append(name).push_back('\0');
    pad();
    name = name.substr(0, 100);
  }
  add_header(name, content.size(), type, target);
  text_.append(content);
  pad();
  return *this;
}

tar_builder& tar_builder::add_pax(std::string_view text, char type) { return add("PaxHeaders/x", text, type); }

tar_builder& tar_builder::add_raw(std::string_view bytes) {
  text_.append(bytes);
  return *this;
}

std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

}  // namespace gantry::test
