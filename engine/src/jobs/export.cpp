#include "jobs/export.hpp"

#include "archive/descriptor_sink.hpp"
#include "archive/file_sink.hpp"
#include "archive/gzip_sink.hpp"
#include "archive/writer.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr std::chrono::milliseconds progress_interval{100};

std::string stream_name(int descriptor) { return descriptor == 1 ? "standard output" : fmt::format("descriptor {}", descriptor); }

struct format_choice {
  archive_format format = archive_format::docker;
  bool gzip = false;
};

format_choice format_of(const output& where) {
  format_choice choice;
  if (const auto* file = std::get_if<archive_file>(&where)) choice = {file->format, file->gzip};
  if (const auto* stream = std::get_if<archive_stream>(&where)) choice = {stream->format, stream->gzip};
  return choice;
}

archive::archived_image archived(const resolved_image& image) {
  archive::archived_image out;
  out.names.push_back(image.name);
  out.top = image.top;
  out.indexes = image.indexes;
  for (const resolved_manifest& one : image.manifests) {
    archive::archived_manifest member;
    member.manifest = one.entry;
    member.config = one.content.config;
    member.layers = one.content.layers;
    member.platform = one.image_platform;
    member.attestation = one.attestation;
    out.manifests.push_back(std::move(member));
  }
  return out;
}

}  // namespace

result<archive_export> archive_export::prepare(const output& where, const std::vector<resolved_image>& images) {
  archive_export prepared;
  prepared.where_ = where;
  std::vector<archive::archived_image> members;
  for (const resolved_image& image : images) members.push_back(archived(image));
  result<archive::layout> plan =
      format_of(where).format == archive_format::docker ? archive::plan_docker(members, platform::host()) : archive::plan_oci(members);
  if (!plan) return plan.error();
  prepared.plan_ = std::move(*plan);
  if (const auto* file = std::get_if<archive_file>(&where)) {
    result<archive::output_file> opened = archive::output_file::create(file->path, prepared.plan_.size);
    if (!opened) return opened.error();
    prepared.file_ = std::move(*opened);
  }
  return prepared;
}

result<std::uint64_t> archive_export::run(store::content_store& blobs, const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                          const std::atomic<bool>& stop, bool sync) {
  std::unique_ptr<archive::byte_sink> target;
  if (file_) {
    target = std::make_unique<archive::file_sink>(file_->file(), 0, sync);
  } else {
    target = std::make_unique<archive::descriptor_sink>(std::get<archive_stream>(where_).descriptor,
                                                        stream_name(std::get<archive_stream>(where_).descriptor), stop);
  }
  std::unique_ptr<archive::byte_sink> compressing;
  if (format_of(where_).gzip) compressing = std::make_unique<archive::gzip_sink>(*target);
  archive::byte_sink& sink = compressing ? *compressing : *target;
  const result<std::uint64_t> written = archive::write_archive(plan_, blobs, sink, progress, stop);
  if (!written) return written.error();
  if (!file_) return *written;
  const result<void> committed = file_->commit(sync);
  if (!committed) return committed.error();
  return static_cast<archive::file_sink&>(*target).position();
}

task<result<std::uint64_t>> archive_export::write(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                  std::shared_ptr<store::content_store> store, archive_export what, bool sync) {
  // The writer's thread reports through the strand, a few times per second.
  auto last = std::chrono::steady_clock::time_point();
  auto progress = [running, where = shared.executor, last](std::uint64_t done, std::uint64_t total) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < progress_interval && done != total) return;
    last = now;
    boost::asio::post(where, [running, done, total] { running->events.progress(archive_progress{done, total}); });
  };
  auto job = std::make_shared<archive_export>(std::move(what));
  auto call = [job, store, running, progress, sync] { return job->run(*store, progress, running->stop_flag(), sync); };
  co_return co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(call));
}

}  // namespace gantry::jobs
