#include "base/failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace gantry {

void throw_exception_from_error(const failure& error, const boost::source_location&) {
  throw std::logic_error("unchecked failure: " + error.text.message());
}

failure system_failure(int errno_value, std::string_view what, std::string_view object) {
  errc code = errc::storage_error;
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      code = errc::no_space;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = errc::access_denied;
      break;
    case ENOENT:
    case ENOTDIR:
      code = errc::file_not_found;
      break;
    default:
      break;
  }
  return {code, fmt::format("{} {}: {}", what, object, std::generic_category().message(errno_value))};
}

}  // namespace gantry
