// Two ways from a plain socket to a hashed file: through a buffer, from which is hashed and written, and by splice, which leaves the hash
// to read the page cache. The seconds of CPU are the receiver's alone.

#include "input.hpp"
#include "model/digester.hpp"
#include "system.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include <array>
#include <thread>

namespace gantry::bench {
namespace {

constexpr std::size_t block = 256 << 10;
constexpr std::size_t total = 256 << 20;

/// Somebody at the other end of a TCP connection over loopback who sends \ref total bytes.
class sender {
 public:
  sender() {
    const auto [near, far] = connected_sockets();
    receiver_ = near;
    thread_ = std::thread([other = far] {
      const auto input = noise(block);
      for (std::size_t sent = 0; sent < total;) {
        const ssize_t count = ::send(other, input.view().data(), std::min(block, total - sent), MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      ::close(other);
    });
  }
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;
  ~sender() {
    ::close(receiver_);
    thread_.join();
  }
  int receiver() const noexcept { return receiver_; }

 private:
  int receiver_;
  std::thread thread_;
};

void receive_through_a_buffer(benchmark::State& state) {
  const bytes memory(block);
  for (auto _ : state) {
    const sender from;
    const int file = fresh_file();
    model::digester digester(digest_algorithm::sha256);
    for (std::size_t done = 0; done < total;) {
      const ssize_t got = ::recv(from.receiver(), memory.view().data(), block, 0);
      must(got > 0, "recv");
      const auto part = memory.view().first(static_cast<std::size_t>(got));
      digester.update(part);
      must(::pwrite(file, part.data(), part.size(), static_cast<off_t>(done)) == got, "pwrite");
      done += part.size();
    }
    ::close(file);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(total));
}
BENCHMARK(receive_through_a_buffer)->Unit(benchmark::kMillisecond)->UseRealTime();

void receive_by_splice(benchmark::State& state) {
  const bytes memory(block);
  std::array<int, 2> pipe{};
  must(::pipe2(pipe.data(), O_CLOEXEC) == 0, "pipe");
  ::fcntl(pipe[1], F_SETPIPE_SZ, 1 << 20);
  for (auto _ : state) {
    const sender from;
    const int file = fresh_file();
    model::digester digester(digest_algorithm::sha256);
    for (std::size_t done = 0; done < total;) {
      const ssize_t got = ::splice(from.receiver(), nullptr, pipe[1], nullptr, block, SPLICE_F_MOVE);
      must(got > 0, "splice from the socket");
      for (ssize_t left = got; left > 0;) {
        const ssize_t moved = ::splice(pipe[0], nullptr, file, nullptr, static_cast<std::size_t>(left), SPLICE_F_MOVE);
        must(moved > 0, "splice to the file");
        left -= moved;
      }
      for (ssize_t left = got; left > 0;) {
        const ssize_t read = ::pread(file, memory.view().data(), static_cast<std::size_t>(left), static_cast<off_t>(done));
        must(read > 0, "pread");
        digester.update(memory.view().first(static_cast<std::size_t>(read)));
        done += static_cast<std::size_t>(read);
        left -= read;
      }
    }
    ::close(file);
  }
  ::close(pipe[0]);
  ::close(pipe[1]);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(total));
}
BENCHMARK(receive_by_splice)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gantry::bench
