#include "store/journal.hpp"
#include "input.hpp"
#include "model/digester.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace gantry::bench {
namespace {

constexpr std::uint64_t piece = store::journal_piece_bytes;

store::journal_codec codec_for(std::uint64_t pieces) { return store::journal_codec(model::digest_of("a blob"), pieces * piece); }

void encode_record(benchmark::State& state) {
  const auto codec = codec_for(1024);
  std::uint64_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(codec.encode({i++ % 1024 * piece, piece, i * 0x9e3779b97f4a7c15U}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode_record);

void decode_journal(benchmark::State& state) {
  const auto pieces = static_cast<std::uint64_t>(state.range(0));
  const auto codec = codec_for(pieces);
  std::vector<std::byte> journal(codec.header().begin(), codec.header().end());
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const auto record = codec.encode({i * piece, piece, i});
    journal.insert(journal.end(), record.begin(), record.end());
  }
  for (auto _ : state) {
    const auto records = codec.decode(journal);
    if (!records || records->size() != pieces) {
      state.SkipWithError("the journal is refused");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode_journal)->Arg(181)->Arg(65536);  // 724 MiB, 256 GiB

/// What a resume does with each piece that the journal lists, the page cache left out.
void verify_piece(benchmark::State& state) {
  const auto data = noise(piece);
  store::piece_hasher hasher;
  for (auto _ : state) {
    hasher.reset();
    hasher.update(data.view());
    benchmark::DoNotOptimize(hasher.value());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(piece));
}
BENCHMARK(verify_piece);

}  // namespace
}  // namespace gantry::bench
