#include "jobs/export.hpp"

#include "archive/descriptor_sink.hpp"
#include "archive/difference.hpp"
#include "archive/directory_writer.hpp"
#include "archive/file_sink.hpp"
#include "archive/gzip_sink.hpp"
#include "archive/output_paths.hpp"
#include "archive/synology_layout.hpp"
#include "archive/writer.hpp"
#include "jobs/recompress.hpp"
#include "jobs/synology.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr std::chrono::milliseconds progress_interval{100};

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

/// Whether \p path, which need not be there yet, will stand in the file system of \p other.
bool same_file_system(const std::filesystem::path& other, const std::filesystem::path& path) {
  struct stat first {};
  struct stat second {};
  return ::stat(other.c_str(), &first) == 0 && ::stat(archive::directory_of(path).c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

result<archive::layout> plan_of(archive_format format, const std::vector<archive::archived_image>& images) {
  if (format == archive_format::docker) return archive::plan_docker(images, platform::host());
  return archive::plan_oci(images);
}

}  // namespace

archive::archived_image archived(const resolved_image& image) {
  archive::archived_image out;
  out.names.push_back(image.known_as);
  out.top = image.top;
  out.indexes = image.indexes;
  out.words = image.words;
  for (const resolved_manifest& one : image.manifests) {
    archive::archived_manifest member;
    member.manifest = one.entry;
    if (one.content.config.digest) member.config = one.content.config;
    member.layers = one.content.layers;
    member.platform = one.image_platform;
    member.attestation = one.attestation;
    member.artifact_type = one.content.artifact_type;
    out.manifests.push_back(std::move(member));
  }
  return out;
}

std::string stream_name(int descriptor) { return descriptor == 1 ? "standard output" : fmt::format("descriptor {}", descriptor); }

result<archive_export> archive_export::prepare(const output& where, const std::vector<resolved_image>& images,
                                               const store::content_store* store, const std::set<digest>& left_out,
                                               export_choices choices) {
  std::vector<archive::archived_image> members;
  members.reserve(images.size());
  for (const resolved_image& image : images) members.push_back(archived(image));
  return prepare(where, std::move(members), store != nullptr ? store->root() : std::filesystem::path(), left_out, store == nullptr,
                 choices);
}

result<archive_export> archive_export::prepare(const output& where, std::vector<archive::archived_image> members,
                                               const std::filesystem::path& beside, const std::set<digest>& left_out, bool resumes,
                                               export_choices choices) {
  archive_export prepared;
  prepared.where_ = where;
  prepared.takes_over_ = choices.takes_over;
  const auto [format, gzip] = format_of(where);
  const auto* file = std::get_if<archive_file>(&where);
  if (format == archive_format::oci_dir && (file == nullptr || gzip)) {
    return failure(errc::invalid_option, "an OCI layout as a directory cannot be compressed or written to a stream; use the format oci");
  }
  for (archive::archived_image& member : members) member.lists_attestations = choices.attestations;
  std::uint64_t expected_size = 0;
  if (format == archive_format::synology) {
    if (choices.attestations)
      return failure(errc::invalid_option, "the format synology has no place for attestations; they take docker, oci or oci-dir");
    if (!left_out.empty())
      return failure(errc::invalid_option, "the format synology holds whole images; a part of one takes docker or oci");
    // The sizes inside are known when the layers are here; what they take compressed is the least.
    const auto taken = archive::check_synology(members);
    if (!taken) return taken.error();
    for (const archive::archived_manifest* one : *taken) {
      for (const descriptor& layer : one->layers) expected_size += layer.size;
    }
    prepared.images_ = std::move(members);
  } else {
    result<archive::layout> plan = plan_of(format, members);
    if (!plan) return plan.error();
    *plan = archive::without(std::move(*plan), left_out);
    expected_size = plan->size;
    if (choices.gzip_only && has_zstd(members)) {
      if (!left_out.empty())
        return failure(errc::invalid_option, "layers cannot be recompressed while the receiver has a part of the image");
      prepared.images_ = std::move(members);
    } else {
      prepared.plan_ = std::move(*plan);
    }
  }
  if (file == nullptr) return prepared;
  if (format == archive_format::oci_dir) {
    // Within one file system blobs are shared with the store, or may be.
    const bool shared = !beside.empty() && same_file_system(beside, file->path);
    if (choices.takes_over && !shared) expected_size = archive::bytes_beside(prepared.plan_, file->path);
    result<archive::output_directory> made = archive::output_directory::create(file->path, shared ? 0 : expected_size);
    if (!made) return made.error();
    prepared.directory_ = std::move(*made);
    return prepared;
  }
  const bool taken_over = resumes && !gzip && !needs_store(where);
  result<archive::output_file> opened =
      taken_over ? archive::output_file::resume(file->path, expected_size) : archive::output_file::create(file->path, expected_size);
  if (!opened) return opened.error();
  prepared.file_ = std::move(*opened);
  return prepared;
}

bool archive_export::needs_store(const output& where) noexcept {
  const archive_format format = format_of(where).format;
  return format == archive_format::synology || format == archive_format::oci_dir;
}

std::vector<archive::archived_image> archive_export::inflated() const {
  return format_of(where_).format == archive_format::synology ? images_ : std::vector<archive::archived_image>();
}

bool archive_export::is_planned_file() const noexcept { return file_ && !deferred() && !format_of(where_).gzip && !needs_store(where_); }

std::shared_ptr<archive::planned_file> archive_export::take_planned_file() {
  return std::make_shared<archive::planned_file>(std::move(*file_), std::move(plan_));
}

std::optional<int> archive_export::stream() const noexcept {
  const auto* stream = std::get_if<archive_stream>(&where_);
  return stream != nullptr ? std::optional(stream->descriptor) : std::nullopt;
}

std::optional<std::filesystem::path> archive_export::directory() const {
  if (!file_) return std::nullopt;
  return archive::directory_of(file_->path());
}

result<std::uint64_t> archive_export::run(model::blob_source& blobs, const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                          const std::atomic<bool>& stop, bool sync, archive::deflate_workers workers) {
  if (directory_) {
    const result<std::uint64_t> written = archive::write_directory(plan_, blobs, *directory_, progress, stop, sync, takes_over_);
    if (!written) return written.error();
    const result<void> committed = directory_->commit(sync);
    if (!committed) return committed.error();
    return *written;
  }
  std::unique_ptr<archive::byte_sink> target;
  if (file_) {
    const bool plain = !format_of(where_).gzip;
    if (auto lack = archive::lack_of_space(file_->path(), plain ? plan_.size : 0)) return std::move(*lack);
    target = std::make_unique<archive::file_sink>(file_->file(), 0, sync);
  } else {
    target = std::make_unique<archive::descriptor_sink>(std::get<archive_stream>(where_).descriptor,
                                                        stream_name(std::get<archive_stream>(where_).descriptor), stop);
  }
  std::unique_ptr<archive::byte_sink> compressing;
  if (format_of(where_).gzip) compressing = std::make_unique<archive::gzip_sink>(*target, std::move(workers));
  archive::byte_sink& sink = compressing ? *compressing : *target;
  const result<std::uint64_t> written = archive::write_archive(plan_, blobs, sink, progress, stop);
  if (!written) return written.error();
  if (!file_) return *written;
  const result<void> committed = file_->commit(sync);
  if (!committed) return committed.error();
  return static_cast<archive::file_sink&>(*target).position();
}

task<result<void>> archive_export::complete(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                            std::shared_ptr<store::content_store> store) {
  const archive_format format = format_of(where_).format;
  if (format == archive_format::synology) {
    result<archive::layout> planned = co_await plan_legacy(shared, running, store, std::move(images_), std::move(facts_));
    if (!planned) co_return planned.error();
    plan_ = std::move(*planned);
  } else {
    result<std::vector<archive::archived_image>> changed =
        co_await recompress(shared, running, store, std::move(images_), workers_of(shared));
    if (!changed) co_return changed.error();
    result<archive::layout> planned = plan_of(format, *changed);
    if (!planned) co_return planned.error();
    plan_ = std::move(*planned);
    running->events.emit(
        warning{"zstd layers were compressed anew as gzip: manifests in the archive have other digests than in the registry"});
  }
  images_.clear();
  for (const std::string& note : notes()) running->events.emit(warning{note});
  co_return result<void>();
}

task<result<std::uint64_t>> archive_export::write(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                  std::shared_ptr<store::content_store> store, archive_export what, bool sync) {
  archive_export planned = std::move(what);
  if (!planned.images_.empty()) {
    const result<void> completed = co_await planned.complete(shared, running, store);
    if (!completed) co_return completed.error();
  }
  std::shared_ptr<model::blob_source> blobs = store;
  co_return co_await write_from(shared, running, std::move(blobs), std::move(planned), sync);
}

task<result<std::uint64_t>> archive_export::write_from(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                       std::shared_ptr<model::blob_source> blobs, archive_export what, bool sync) {
  archive::archive_progress_handler progress = report_through(shared, running);
  auto job = std::make_shared<archive_export>(std::move(what));
  auto call = [job, blobs, running, progress, sync, workers = workers_of(shared)] {
    return job->run(*blobs, progress, running->stop_flag(), sync, workers);
  };
  // What the thread owns, an unfinished file among it, goes with the closure.
  job.reset();
  // The reader of a stream, or a blob that is on its way, may keep it waiting for as long as it likes.
  co_return co_await runtime::offload(shared.lanes, runtime::lane::apart, std::move(call));
}

archive::archive_progress_handler report_through(transfer::context& shared, std::shared_ptr<transfer::operation> running) {
  return [running = std::move(running), where = shared.executor, last = std::chrono::steady_clock::time_point()](
             std::uint64_t done, std::uint64_t total) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < progress_interval && done != total) return;
    last = now;
    boost::asio::post(where, [running, done, total] { running->events.progress(archive_progress{done, total}); });
  };
}

}  // namespace gantry::jobs
