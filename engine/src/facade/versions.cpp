#include <gantry/engine.hpp>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>
#include <boost/version.hpp>
#ifdef GANTRY_HAVE_ISAL
#include <isa-l.h>
#endif

#include <string>

namespace gantry {

std::vector<library_version> library_versions() {
  std::vector<library_version> all;
  all.push_back({"Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)});
  all.push_back({"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)});
  all.push_back({"zlib", zlibVersion()});
  all.push_back({"zstd", ZSTD_versionString()});
#ifdef GANTRY_HAVE_ISAL
  all.push_back({"ISA-L", fmt::format("{}.{}.{}", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ISAL_PATCH_VERSION)});
#endif
  const unsigned hash = XXH_versionNumber();
  all.push_back({"xxHash", fmt::format("{}.{}.{}", hash / 10'000, hash / 100 % 100, hash % 100)});
  all.push_back({"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10'000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)});
  return all;
}

}  // namespace gantry
