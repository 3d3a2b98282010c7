#include "base/idna.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>

#ifdef GANTRY_HAVE_IDN2
#include <idn2.h>

#include <memory>
#endif

namespace gantry {

result<std::string> ascii_host(std::string_view host) {
  if (std::none_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return std::string(host);
#ifdef GANTRY_HAVE_IDN2
  const std::string text(host);
  char* raw = nullptr;
  const int status = idn2_to_ascii_8z(text.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(raw, idn2_free);
  if (status == IDN2_OK && text.find('\0') == std::string::npos) return std::string(raw);
  return failure(errc::invalid_reference, fmt::format("'{}' is no host name: {}", clean_text(host, 256), idn2_strerror(status)));
#else
  return failure(
      errc::invalid_reference,
      fmt::format("the host '{}' is not written in ASCII, and this build cannot convert it; give its xn-- form", clean_text(host, 256)));
#endif
}

}  // namespace gantry
