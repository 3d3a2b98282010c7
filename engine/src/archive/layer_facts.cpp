#include "archive/layer_facts.hpp"

#include "archive/checksum.hpp"
#include "archive/inflating_reader.hpp"
#include "model/digester.hpp"

#include <fmt/format.h>

namespace gantry::archive {

failure wrong_diff_id(const descriptor& layer, const digest& expected, const digest& found) {
  return {errc::digest_mismatch, fmt::format("layer {} inflates to {}, but the image's configuration says {}", layer.digest.string(),
                                             found.string(), expected.string())};
}

result<store::blob_meta> inspect_layer(model::blob_reader& blob, const descriptor& layer, const digest& diff_id,
                                       const std::atomic<bool>& stop) {
  const result<model::compression> kind = sniff(blob);
  if (!kind) return kind.error();
  inflating_reader inflated(blob, *kind, fmt::format("layer {}", layer.digest.short_form()));
  model::digester hash(diff_id.algorithm());
  const copy_buffer buffer(copy_buffer_size);
  store::blob_meta facts;
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while a layer was being inflated");
    const result<std::size_t> got = inflated.read(buffer.bytes());
    if (!got) return got.error();
    if (*got == 0) break;
    hash.update(buffer.bytes().first(*got));
    // gzip brings its own.
    if (*kind != model::compression::gzip) facts.crc32 = continue_crc(facts.crc32, buffer.bytes().first(*got));
  }
  facts.diff_id = hash.finish();
  if (facts.diff_id != diff_id) return wrong_diff_id(layer, diff_id, facts.diff_id);
  facts.raw_size = inflated.facts().raw_size;
  if (*kind == model::compression::gzip) facts.crc32 = inflated.facts().crc;
  facts.whole_members = *kind == model::compression::gzip && inflated.facts().trailing == 0;
  return facts;
}

}  // namespace gantry::archive
