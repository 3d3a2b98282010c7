#include "archive/writer.hpp"

#include "archive/blob_check.hpp"
#include "archive/inflating_reader.hpp"
#include "archive/layer_facts.hpp"
#include "archive/tar.hpp"
#include "model/digester.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace gantry::archive {
namespace {

/// Between two looks at the stop flag.
constexpr std::uint64_t piece = std::uint64_t{1} << 20;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

/// The content decides, not the media type: registries hold uncompressed layers that call themselves gzip, and artifacts of every kind.
result<content_kind> kind_of(const descriptor& blob, model::blob_reader& reader) {
  using namespace std::string_view_literals;
  if (blob.media_type.ends_with("+encrypted")) return content_kind::compressed;
  // gzip, zstd, xz, bzip2, lz4, zip
  constexpr std::array magics{"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv, "\xfd\x37\x7a\x58\x5a\x00"sv,
                              "BZh"sv,      "\x04\x22\x4d\x18"sv, "PK\x03\x04"sv};
  std::array<char, 6> head{};
  const result<std::size_t> got = reader.read_at(0, std::as_writable_bytes(std::span(head)));
  if (!got) return got.error();
  const std::string_view start(head.data(), *got);
  const bool known = std::any_of(magics.begin(), magics.end(), [&](std::string_view magic) { return start.starts_with(magic); });
  return known ? content_kind::compressed : content_kind::plain;
}

class archive_writer {
 public:
  archive_writer(const layout& plan, model::blob_source& blobs, byte_sink& to, const archive_progress_handler& progress,
                 const std::atomic<bool>& stop)
      : plan_(plan), blobs_(blobs), to_(to), progress_(progress), stop_(stop) {}

  result<std::uint64_t> run() {
    for (std::size_t i = 0; i < plan_.entries.size(); ++i) {
      if (stopped()) return break_off(i, cancelled());
      const entry& member = plan_.entries[i];
      if (const result<void> done = write(header_of(member)); !done) return break_off(i, done.error());
      if (const auto* text = std::get_if<std::string>(&member.content)) {
        if (const result<void> done = write(*text); !done) return give_up(i, done.error());
      } else if (const auto* blob = std::get_if<descriptor>(&member.content)) {
        if (const result<void> done = write_blob(i, *blob); !done) return done.error();
      } else if (const result<void> done = write_layer(i, std::get<inflated_layer>(member.content)); !done) {
        return done.error();
      }
      if (const result<void> done = write(zeros(tar_padding(member.size))); !done) return refuse(i, done.error());
      report();
    }
    if (const result<void> done = write(zeros(tar_end_size)); !done) return done.error();
    if (const result<void> done = to_.finish(); !done) return done.error();
    report();
    return done_;
  }

 private:
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  failure cancelled() const { return {errc::cancelled, fmt::format("stopped after {} of {} bytes of the archive", done_, plan_.size)}; }

  static std::string_view zeros(std::uint64_t count) {
    static constexpr std::array<char, tar_end_size> none{};
    return {none.data(), static_cast<std::size_t>(count)};
  }

  void report() const {
    if (progress_) progress_(done_, plan_.size);
  }

  result<void> write(std::string_view text) {
    if (text.empty()) return {};
    if (const result<void> written = to_.write(bytes_of(text)); !written) return written.error();
    done_ += text.size();
    return {};
  }

  /// The output stands between two entries but for \p padding, and must not end there: announces the next content and leaves it out.
  failure break_off(std::size_t next, failure why, std::uint64_t padding = 0) {
    while (next < plan_.entries.size() && plan_.entries[next].size == 0) ++next;
    std::string last(zeros(padding));
    if (next < plan_.entries.size()) last += header_of(plan_.entries[next]);
    to_.break_off(bytes_of(last));
    return why;
  }

  /// The header of entry \p i is out and its content cannot follow: an entry without content would be complete.
  failure give_up(std::size_t i, failure why) {
    if (plan_.entries[i].size == 0) return break_off(i + 1, std::move(why));
    to_.break_off({});
    return why;
  }

  /// Gives the content of entry \p i, whose header is out.
  result<void> write_blob(std::size_t i, const descriptor& blob) {
    result<std::unique_ptr<model::blob_reader>> opened = blobs_.open(blob);
    if (!opened) return give_up(i, opened.error());
    const auto moved = [this](std::uint64_t bytes) {
      done_ += bytes;
      report();
    };
    const result<void> copied = copy_blob(blob, **opened, to_, moved, stop_);
    if (copied) return {};
    if (stopped() && copied.error().code == errc::cancelled) return give_up(i, cancelled());
    if (copied.error().code == errc::digest_mismatch) return refuse(i, copied.error());
    return give_up(i, copied.error());
  }

  /// Gives what a layer inflates to.
  result<void> write_layer(std::size_t i, const inflated_layer& layer) {
    const result<std::unique_ptr<model::blob_reader>> opened = blobs_.open(layer.blob);
    if (!opened) return give_up(i, opened.error());
    const result<model::compression> kind = sniff(**opened);
    if (!kind) return give_up(i, kind.error());
    if (*kind == model::compression::gzip && layer.facts.whole_members && to_.takes_members()) return pass_on(i, layer, **opened);
    return inflate(i, layer, **opened, *kind);
  }

  /// A gzip layer into a gzip archive: its members are the compressed form of just what belongs here.
  result<void> pass_on(std::size_t i, const inflated_layer& layer, model::blob_reader& from) {
    const std::uint64_t before = done_;
    blob_check check(layer.blob);
    const byte_observer observe = check.observer();
    for (std::uint64_t offset = 0; offset < from.size(); offset += std::min(piece, from.size() - offset)) {
      if (stopped()) return give_up(i, cancelled());
      const std::uint64_t length = std::min(piece, from.size() - offset);
      if (const result<void> copied = to_.copy_members(from, offset, length, observe); !copied) return copied.error();
      // Progress counts the plain tar.
      const double part = static_cast<double>(offset + length) / static_cast<double>(from.size());
      done_ = before + static_cast<std::uint64_t>(part * static_cast<double>(layer.facts.raw_size));
      report();
    }
    done_ = before + layer.facts.raw_size;
    if (const result<void> fine = check.finish(); !fine) return refuse(i, fine.error());
    return {};
  }

  result<void> inflate(std::size_t i, const inflated_layer& layer, model::blob_reader& from, model::compression kind) {
    inflating_reader inflated(from, kind, fmt::format("layer {}", layer.blob.digest.short_form()));
    model::digester hash(layer.facts.diff_id.algorithm());
    const copy_buffer buffer(copy_buffer_size);
    std::uint64_t out = 0;
    // Checksums come last: by then the content may be complete, though wrong.
    const auto broken = [&](failure why) { return out == layer.facts.raw_size ? refuse(i, std::move(why)) : give_up(i, std::move(why)); };
    for (;;) {
      if (stopped()) return broken(cancelled());
      const result<std::size_t> got = inflated.read(buffer.bytes());
      if (!got) return broken(got.error());
      if (*got == 0) break;
      const std::span<const std::byte> part = buffer.bytes().first(*got);
      hash.update(part);
      if (part.size() > layer.facts.raw_size - out) return broken(damaged(layer.blob));
      out += part.size();
      if (const result<void> written = to_.write(part); !written) return written.error();
      done_ += part.size();
      report();
    }
    if (out < layer.facts.raw_size) return give_up(i, damaged(layer.blob));
    const digest diff_id = hash.finish();
    if (diff_id != layer.facts.diff_id) return refuse(i, wrong_diff_id(layer.blob, layer.facts.diff_id, diff_id));
    return {};
  }

  /// The content of entry \p i is out, and turned out to be wrong.
  failure refuse(std::size_t i, failure why) { return break_off(i + 1, std::move(why), tar_padding(plan_.entries[i].size)); }

  const layout& plan_;
  model::blob_source& blobs_;
  byte_sink& to_;
  const archive_progress_handler& progress_;
  const std::atomic<bool>& stop_;
  std::uint64_t done_ = 0;
};

}  // namespace

result<void> copy_blob(const descriptor& blob, model::blob_reader& from, byte_sink& to, const std::function<void(std::uint64_t)>& moved,
                       const std::atomic<bool>& stop) {
  if (from.size() != blob.size) {
    return failure(errc::size_mismatch,
                   fmt::format("blob {} is {} bytes long, but its descriptor says {}", blob.digest.string(), from.size(), blob.size));
  }
  const result<content_kind> kind = kind_of(blob, from);
  if (!kind) return kind.error();
  blob_check check(blob);
  const byte_observer observe = check.observer();
  for (std::uint64_t offset = 0; offset < blob.size; offset += std::min(piece, blob.size - offset)) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while copying a blob");
    const std::uint64_t length = std::min(piece, blob.size - offset);
    if (const result<void> copied = to.copy(from, offset, length, *kind, observe); !copied) return copied.error();
    moved(length);
  }
  return check.finish();
}

result<std::uint64_t> write_archive(const layout& plan, model::blob_source& blobs, byte_sink& to, const archive_progress_handler& progress,
                                    const std::atomic<bool>& stop) {
  result<std::uint64_t> written = archive_writer(plan, blobs, to, progress, stop).run();
  if (written || written.error().code != errc::cancelled) return written;
  // Perhaps it was for want of a reader that everything was stopped.
  if (std::optional<failure> lost = to.lost()) return std::move(*lost);
  return written;
}

}  // namespace gantry::archive
