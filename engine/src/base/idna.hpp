#pragma once

#include "base/failure.hpp"

#include <string>
#include <string_view>

namespace gantry {

/// The form of a host name that goes to resolvers, servers and certificates (RFC 5891, UTS 46): `例.com` becomes `xn--fsq.com`. Names that
/// are ASCII already are returned as they stand. errc::invalid_reference when the name has no such form, or when the library was built
/// without libidn2.
result<std::string> ascii_host(std::string_view host);

}  // namespace gantry
