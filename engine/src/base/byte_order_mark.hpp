#pragma once

#include <string_view>

namespace gantry {

/// \p text without the UTF-8 byte order mark that editors on Windows put in front; no parser of JSON has to accept it (RFC 8259, 8.1).
inline std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  return text;
}

}  // namespace gantry
