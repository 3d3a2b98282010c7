#include "store/write_once.hpp"

#ifdef __linux__
#include <sys/uio.h>

#include <cerrno>

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080  // newer than the C library's headers
#endif
#endif

namespace gantry::store {

result<void> write_once(const runtime::file& into, std::uint64_t offset, std::span<const std::byte> bytes) {
#ifdef __linux__
  // A kernel that does not know the flag refuses it for every file; a file system that does not, for its own: both are asked once more for
  // each block at no cost that shows.
  while (!bytes.empty()) {
    const iovec block{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const ssize_t count = ::pwritev2(into.descriptor(), &block, 1, static_cast<off_t>(offset), RWF_DONTCACHE);
    if (count < 0 && errno == EINTR) continue;
    // Whatever the reason, the plain call succeeds or tells it.
    if (count <= 0) break;
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
#endif
  return into.write_at(offset, bytes);
}

}  // namespace gantry::store
