#include "archive/decoder.hpp"
#include "archive/gzip_sink.hpp"
#include "input.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace gantry::bench {
namespace {

class counting_sink final : public archive::byte_sink {
 public:
  result<void> write(std::span<const std::byte> bytes) override {
    count += bytes.size();
    return {};
  }
  result<void> finish() override { return {}; }
  std::uint64_t count = 0;
};

/// A blob in memory.
class memory_reader final : public model::blob_reader {
 public:
  explicit memory_reader(std::span<const std::byte> all) : all_(all) {}
  std::uint64_t size() const noexcept override { return all_.size(); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const auto rest = all_.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(offset, all_.size())));
    const auto count = std::min(rest.size(), into.size());
    std::ranges::copy(rest.first(count), into.begin());
    return count;
  }

 private:
  std::span<const std::byte> all_;
};

/// What goes through the sink as stored blocks (compressed layers) or is deflated (all else).
void gzip(benchmark::State& state, archive::content_kind kind) {
  const auto input = text(static_cast<std::size_t>(state.range(0)));
  memory_reader reader(input.view());
  std::uint64_t written = 0;
  for (auto _ : state) {
    counting_sink to;
    archive::gzip_sink sink(to);
    const auto copied = sink.copy(reader, 0, input.view().size(), kind, {});
    const auto finished = copied ? sink.finish() : copied;
    if (!finished) {
      state.SkipWithError("the sink fails");
      break;
    }
    written = to.count;
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.counters["ratio"] = static_cast<double>(written) / static_cast<double>(state.range(0));
}
BENCHMARK_CAPTURE(gzip, stored, archive::content_kind::compressed)->Arg(8 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gzip, deflated, archive::content_kind::plain)->Arg(8 << 20)->Unit(benchmark::kMillisecond);

/// Keeps what it is given.
class keeping_sink final : public archive::byte_sink {
 public:
  result<void> write(std::span<const std::byte> bytes) override {
    kept.insert(kept.end(), bytes.begin(), bytes.end());
    return {};
  }
  result<void> finish() override { return {}; }
  std::vector<std::byte> kept;
};

/// Bytes that come out of a gzip layer, with its checksum.
void inflate(benchmark::State& state) {
  const auto input = text(static_cast<std::size_t>(state.range(0)));
  memory_reader reader(input.view());
  keeping_sink packed;
  archive::gzip_sink sink(packed);
  if (!sink.copy(reader, 0, input.view().size(), archive::content_kind::plain, {}) || !sink.finish()) {
    state.SkipWithError("the sink fails");
    return;
  }
  const bytes into(256 << 10);
  for (auto _ : state) {
    const auto decoder = archive::make_gzip_decoder();
    std::span<const std::byte> rest(packed.kept);
    for (;;) {
      const auto step = decoder->step(rest, into.view());
      if (!step) {
        state.SkipWithError("the decoder fails");
        return;
      }
      rest = rest.subspan(step->taken);
      if (rest.empty() && step->given == 0) break;
    }
    benchmark::DoNotOptimize(decoder->facts().crc);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(inflate)->Arg(8 << 20)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gantry::bench
