#include "progress/json_events.hpp"

#include "json_line.hpp"
#include "upload_options.hpp"

#include <type_traits>

namespace gantry::app {
namespace {

const char* name_of(blob_role role) {
  switch (role) {
    case blob_role::manifest:
      return "manifest";
    case blob_role::config:
      return "config";
    case blob_role::layer:
      break;
  }
  return "layer";
}

const char* name_of(severity level) {
  switch (level) {
    case severity::debug:
      return "debug";
    case severity::info:
      return "info";
    case severity::note:
      return "note";
    case severity::warning:
      break;
  }
  return "warning";
}

std::uint64_t count(std::chrono::milliseconds value) { return value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count()); }

}  // namespace

const char* name_of(segment_kind kind) {
  switch (kind) {
    case segment_kind::whole:
      return "whole";
    case segment_kind::probe:
      return "probe";
    case segment_kind::segment:
      return "segment";
    case segment_kind::steal:
      return "steal";
    case segment_kind::hedge:
      return "hedge";
    case segment_kind::upload:
      break;
  }
  return "upload";
}

const char* name_of(segment_end end) {
  switch (end) {
    case segment_end::complete:
      return "complete";
    case segment_end::overtaken:
      return "overtaken";
    case segment_end::slow:
      return "slow";
    case segment_end::failed:
      return "failed";
    case segment_end::stopped:
      break;
  }
  return "stopped";
}

const char* name_of(concurrency_reason reason) {
  switch (reason) {
    case concurrency_reason::faster:
      return "faster";
    case concurrency_reason::no_faster:
      return "no_faster";
    case concurrency_reason::trying_more:
      return "trying_more";
    case concurrency_reason::trying_less:
      return "trying_less";
    case concurrency_reason::trial_lost:
      return "trial_lost";
    case concurrency_reason::refused:
      return "refused";
    case concurrency_reason::narrow_line:
      return "narrow_line";
    case concurrency_reason::line_widened:
      break;
  }
  return "line_widened";
}

std::string json_event(const event& what) {
  json_object line;
  std::visit(
      [&](const auto& e) {
        using kind = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<kind, image_resolved>) {
          line.add("type", "image_resolved").add("reference", e.reference.string()).add("digest", e.top.digest.string());
          line.add("media_type", e.top.media_type).add("size", e.top.size).add("platforms", std::uint64_t{e.platforms});
        } else if constexpr (std::is_same_v<kind, transfer_planned>) {
          line.add("type", "transfer_planned").add("blobs", std::uint64_t{e.blobs}).add("bytes", e.bytes);
          line.add("blobs_held", std::uint64_t{e.blobs_held}).add("bytes_held", e.bytes_held);
        } else if constexpr (std::is_same_v<kind, blob_started>) {
          line.add("type", "blob_started")
              .add("digest", e.digest.string())
              .add("role", name_of(e.role))
              .add("size", e.size)
              .add("resumed", e.resumed);
        } else if constexpr (std::is_same_v<kind, blob_progress>) {
          line.add("type", "blob_progress").add("digest", e.digest.string()).add("done", e.done);
        } else if constexpr (std::is_same_v<kind, blob_finished>) {
          line.add("type", "blob_finished").add("digest", e.digest.string()).add("size", e.size).add("reused", e.reused);
          line.add("role", name_of(e.role));
          if (e.mounted) line.add("mounted", true);
        } else if constexpr (std::is_same_v<kind, retry_scheduled>) {
          line.add("type", "retry_scheduled")
              .add("object", e.object)
              .add("attempt", std::uint64_t{e.attempt})
              .add("delay_ms", count(e.delay));
          line.add("reason", e.reason.message()).add("message", e.message);
        } else if constexpr (std::is_same_v<kind, gantry::waiting>) {
          line.add("type", "waiting").add("what", e.what);
        } else if constexpr (std::is_same_v<kind, archive_progress>) {
          line.add("type", "archive_progress").add("done", e.done).add("total", e.total);
        } else if constexpr (std::is_same_v<kind, gantry::warning>) {
          line.add("type", "warning").add("message", e.message);
        } else if constexpr (std::is_same_v<kind, transfer_progress>) {
          line.add("type", "transfer_progress").add("received", e.received).add("connections", std::uint64_t{e.connections});
          line.add("sent", e.sent);
        } else if constexpr (std::is_same_v<kind, segment_finished>) {
          line.add("type", "segment_finished").add("digest", e.digest.string()).add("kind", name_of(e.kind)).add("end", name_of(e.end));
          line.add("connection", e.connection).add("host", e.host).add("mirror", e.mirror);
          line.add("offset", e.offset).add("length", e.length).add("received", e.received);
          if (e.answered) line.add("answered_ms", count(*e.answered));
          line.add("elapsed_ms", count(e.elapsed));
          if (!e.message.empty()) line.add("message", e.message);
        } else if constexpr (std::is_same_v<kind, concurrency_changed>) {
          line.add("type", "concurrency_changed").add("before", std::uint64_t{e.before}).add("after", std::uint64_t{e.after});
          line.add("reason", name_of(e.reason)).add("rate", e.rate);
        } else {
          line.add("type", "other");
        }
      },
      what);
  return line.string();
}

std::string json_message(severity level, const std::string& text) {
  return json_object().add("type", "message").add("level", name_of(level)).add("message", text).string();
}

std::string json_error(const error_report& report) {
  json_object line;
  line.add("type", "error").add("exit_code", static_cast<std::uint64_t>(report.exit_code)).add("message", report.message);
  if (!report.server_message.empty()) line.add("server_message", report.server_message);
  if (!report.hint.empty()) line.add("hint", report.hint);
  return line.string();
}

std::string json_summary(const run_summary& totals) {
  const pull_result& sum = totals.totals;
  json_object line;
  line.add("type", "summary").add("images", std::uint64_t{totals.images}).add("elapsed_ms", count(totals.elapsed));
  line.add("blobs", std::uint64_t{sum.blobs}).add("bytes", sum.bytes).add("blobs_reused", std::uint64_t{sum.blobs_reused});
  line.add("bytes_reused", sum.bytes_reused)
      .add("layers", std::uint64_t{sum.layers})
      .add("layers_reused", std::uint64_t{sum.layers_reused});
  line.add("bytes_resumed", sum.bytes_resumed).add("bytes_received", sum.bytes_received).add("archive_size", sum.archive_size);
  line.add("store_size", sum.store_size);
  return line.string();
}

std::string json_summary(const upload_totals& totals) {
  json_object line;
  line.add("type", "summary").add("images", std::uint64_t{totals.images}).add("images_unchanged", std::uint64_t{totals.unchanged});
  line.add("dry_run", totals.dry_run).add("elapsed_ms", count(totals.elapsed));
  add_counts(line, totals.counts);
  return line.string();
}

}  // namespace gantry::app
