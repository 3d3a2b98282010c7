#include "base/failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace gantry {

void throw_exception_from_error(const failure& error, const boost::source_location&) {
  throw std::logic_error("unchecked failure: " + error.text.message());
}

namespace {

/// What helps against a limit that was met; empty where there is none.
std::string_view remedy(int errno_value) {
  switch (errno_value) {
    case EMFILE:
      return "; raise the limit of open files (ulimit -n)";
    case ENFILE:
      return "; raise the limit of open files of the whole system (sysctl fs.file-max), or end some programs";
    case ENOMEM:
    case ENOBUFS:
      return "; end some programs, or raise the limit of memory";
    default:
      return {};
  }
}

}  // namespace

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
  return {code, fmt::format("{} {}: {}{}", what, object, std::generic_category().message(errno_value), remedy(errno_value))};
}

}  // namespace gantry
