// That blobs go to plain clients without passing through this process. sendfile64 is defined here once more: that of the program comes
// before that of the C library.
#include "serve/connection.hpp"

#include "support/catch.hpp"
#include "unit/serve/running_server.hpp"

#ifdef __linux__

#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

using namespace gantry::test;

namespace {

std::atomic<std::uint64_t> sent_by_kernel{0};
std::atomic<bool> unknown_to_kernel{false};

#ifdef SYS_sendfile64
constexpr long sendfile_number = SYS_sendfile64;
#else
constexpr long sendfile_number = SYS_sendfile;
#endif

}  // namespace

extern "C" ssize_t sendfile64(int to, int from, off64_t* offset, std::size_t length) noexcept {
  if (unknown_to_kernel) {
    errno = ENOSYS;
    return -1;
  }
  const long sent = ::syscall(sendfile_number, to, from, offset, length);
  if (sent > 0) sent_by_kernel += static_cast<std::uint64_t>(sent);
  return sent;
}

TEST_CASE("blobs go out by sendfile to the last byte, and documents do not") {
  filled_store content;
  image_recipe recipe;
  recipe.layers = {3000, 2'000'000};
  const test_image image = build_image(recipe);
  content.put(image);
  content.name("docker.io/team/app:1.0", image.manifest, {filled_store::descriptor_of(image.manifest)});
  running_server server(content);
  http_client client(server.port());
  std::size_t asked = 0;
  const auto sent_for = [&](const std::string& target, const std::string& wanted, const header_list& headers = {}) {
    const std::uint64_t before = sent_by_kernel;
    ++asked;
    const http_reply reply = client.get(target, headers);
    CHECK(reply.complete);
    CHECK((reply.body == wanted));
    // The client may have its last byte before the server has counted it.
    for (int looks = 0; looks < 1000 && server.log().size() < asked; ++looks) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return sent_by_kernel - before;
  };
  for (const test_blob& layer : image.layers) {
    CHECK(sent_for("/v2/team/app/blobs/" + layer.digest, layer.bytes) == layer.bytes.size());
  }
  const test_blob& large = image.layers.back();
  const std::string path = "/v2/team/app/blobs/" + large.digest;
  CHECK(sent_for(path, large.bytes.substr(1'000'000, 500'000), {{"Range", "bytes=1000000-1499999"}}) == 500'000);
  CHECK(sent_for("/v2/team/app/manifests/1.0", image.manifest.bytes) == 0);

  // A kernel that does not have it, or a filter that forbids it: the same bytes, through a buffer.
  unknown_to_kernel = true;
  CHECK(sent_for(path, large.bytes) == 0);
  unknown_to_kernel = false;
}

#endif
