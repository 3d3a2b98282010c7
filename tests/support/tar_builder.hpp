#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::test {

/// Writes tars of every kind that a stranger may make, wrong ones included. Shares nothing with the engine's own writer.
class tar_builder {
 public:
  /// One member: a header with \p type and \p target, the content, the padding. Names longer than a header takes go into GNU's long names.
  tar_builder& add(std::string_view name, std::string_view content, char type = '0', std::string_view target = {});
  /// A header that says \p declared bytes, whatever follows.
  tar_builder& add_header(std::string_view name, std::uint64_t declared, char type = '0', std::string_view target = {});
  /// A pax extended header of the records in \p text.
  tar_builder& add_pax(std::string_view text, char type = 'x');
  /// Bytes as they are.
  tar_builder& add_raw(std::string_view bytes);
  tar_builder& directory(std::string_view name) { return add(name, {}, '5'); }
  tar_builder& symlink(std::string_view name, std::string_view target) { return add(name, {}, '2', target); }

  /// What was added so far, without an end.
  const std::string& open_end() const noexcept { return text_; }
  /// The whole archive.
  std::string finish() const { return text_ + std::string(1024, '\0'); }

 private:
  void pad();

  std::string text_;
};

/// `<length> <key>=<value>\n`
std::string pax_record(std::string_view key, std::string_view value);

}  // namespace gantry::test
