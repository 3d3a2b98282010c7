#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "transfer/awaited_answer.hpp"
#include "transfer/blob_job.hpp"
#include "transfer/context.hpp"
#include "transfer/line_keeper.hpp"
#include "transfer/planner.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace gantry::transfer {

/// The streams of a run by their number, so that one of them can be cut.
using line_map = std::map<stream_id, line_keeper::line*>;

struct stream_outcome {
  std::uint64_t received = 0;    ///< bytes of the blob that came over the network
  std::uint64_t fresh = 0;       ///< of these, what was not there before
  std::optional<failure> error;  ///< nothing when there is nothing left to do for this assignment
  bool elsewhere = false;        ///< a mirror failed, and another site is asked at once
  bool postponed = false;        ///< asked ahead, and no connection had room
  bool overloaded = false;       ///< the server asked for less: 429 or 503
};

/// One request for bytes of a blob and its answer, stored as it comes. Whatever happens, what arrived is written and journalled. The
/// assignment is ended with the planner.
class segment_stream {
 public:
  /// All references must outlive \ref run.
  segment_stream(context& shared, operation& running, planner& plan, line_keeper& lines, line_map& open, blob_job& job)
      : shared_(shared), running_(running), plan_(plan), lines_(lines), open_(open), job_(job) {}

  task<stream_outcome> run(assignment given);

 private:
  /// Tells that the request is over. \param begun when it was made
  void report(const assignment& given, const stream_outcome& outcome, const line_keeper::line& line,
              std::chrono::steady_clock::time_point begun);
  /// Why a request is given up that has not got \p awaited.
  failure no_answer(const awaited_answer& awaited) const;
  task<std::optional<failure>> exchange_bytes(assignment given, line_keeper::line& line, awaited_answer& awaited);
  /// What follows from \p error, with which the request ended before its answer could be used. Nothing: the blob is asked for otherwise.
  std::optional<failure> refused(const assignment& given, const registry::blob_request& part, failure error);
  std::optional<failure> judge(const assignment& given, const std::optional<http::byte_range>& range, const http::exchange& reply);
  task<std::optional<failure>> receive(stream_id stream, line_keeper::line& line, http::exchange& reply);
  task<std::optional<failure>> fill(stream_id stream, line_keeper::line& line, http::exchange& reply, std::span<std::byte> block,
                                    std::vector<byte_range>& parts);

  task<std::optional<failure>> close_answer(stream_id stream, http::exchange& reply);

  context& shared_;
  operation& running_;
  planner& plan_;
  line_keeper& lines_;
  line_map& open_;
  blob_job& job_;
  std::uint64_t received_ = 0;
  std::uint64_t fresh_ = 0;
  std::uint64_t filled_ = 0;
  unsigned status_ = 0;                ///< of the last answer; 0: there was none
  std::uint64_t connection_ = 0;       ///< http::exchange::connection_number; 0 while there is no answer
  std::optional<std::size_t> asking_;  ///< whose answer is or was waited for
  std::optional<std::size_t> site_;    ///< of the job's sources, once one has answered
  std::chrono::steady_clock::time_point answered_;
  std::uint64_t answer_end_ = 0;  ///< offset in the blob behind the answer's last byte; 0: it is not used
};

}  // namespace gantry::transfer
