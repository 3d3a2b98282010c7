#include "archive/writer.hpp"

#include "archive/tar.hpp"
#include "model/digester.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace gantry::archive {
namespace {

/// Between two looks at the stop flag.
constexpr std::uint64_t piece = std::uint64_t{1} << 20;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::string header_of(const entry& member) {
  return tar_header(member.name, member.size, member.name.ends_with('/') ? tar_type::directory : tar_type::file);
}

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
      if (const result<void> done = write(header_of(member)); !done) return done.error();
      if (const auto* text = std::get_if<std::string>(&member.content)) {
        if (const result<void> done = write(*text); !done) return done.error();
      } else if (const result<void> done = write_blob(i, std::get<descriptor>(member.content)); !done) {
        return done.error();
      }
      if (const result<void> done = write(zeros(tar_padding(member.size))); !done) return done.error();
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

  /// The output stands between two entries and must not end there: announces the next content and leaves it out.
  failure break_off(std::size_t next, failure why) {
    while (next < plan_.entries.size() && plan_.entries[next].size == 0) ++next;
    // When even this fails the output has failed by itself, and the first reason is the one to report.
    if (next < plan_.entries.size()) static_cast<void>(write(header_of(plan_.entries[next])));
    return why;
  }

  /// Gives the content of entry \p i, whose header is out.
  result<void> write_blob(std::size_t i, const descriptor& blob) {
    result<std::unique_ptr<model::blob_reader>> opened = blobs_.open(blob);
    if (!opened) return blob.size == 0 ? break_off(i + 1, opened.error()) : opened.error();
    model::blob_reader& reader = **opened;
    if (reader.size() != blob.size) {
      failure why(errc::size_mismatch,
                  fmt::format("blob {} is {} bytes long, but its descriptor says {}", blob.digest.string(), reader.size(), blob.size));
      return blob.size == 0 ? break_off(i + 1, std::move(why)) : why;
    }
    const result<content_kind> kind = kind_of(blob, reader);
    if (!kind) return blob.size == 0 ? break_off(i + 1, kind.error()) : kind.error();

    model::digester hash(blob.digest.algorithm());
    std::uint64_t hashed = 0;
    const byte_observer observe = [&](std::span<const std::byte> bytes) {
      hash.update(bytes);
      hashed += bytes.size();
    };
    for (std::uint64_t offset = 0; offset < blob.size; offset += std::min(piece, blob.size - offset)) {
      if (stopped()) return cancelled();
      const std::uint64_t length = std::min(piece, blob.size - offset);
      if (const result<void> copied = to_.copy(reader, offset, length, *kind, observe); !copied) return copied.error();
      done_ += length;
      report();
    }
    if (hashed == blob.size && hash.finish() != blob.digest) return refuse(i, blob);
    return {};
  }

  /// The content of entry \p i is out, and turned out to be wrong.
  failure refuse(std::size_t i, const descriptor& blob) {
    failure why(errc::digest_mismatch,
                fmt::format("blob {} does not hash to its digest any more: it was damaged since it was stored", blob.digest.string()));
    if (const result<void> padded = write(zeros(tar_padding(blob.size))); !padded) return why;
    return break_off(i + 1, std::move(why));
  }

  const layout& plan_;
  model::blob_source& blobs_;
  byte_sink& to_;
  const archive_progress_handler& progress_;
  const std::atomic<bool>& stop_;
  std::uint64_t done_ = 0;
};

}  // namespace

result<std::uint64_t> write_archive(const layout& plan, model::blob_source& blobs, byte_sink& to, const archive_progress_handler& progress,
                                    const std::atomic<bool>& stop) {
  return archive_writer(plan, blobs, to, progress, stop).run();
}

}  // namespace gantry::archive
