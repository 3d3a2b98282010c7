#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "serve/answer.hpp"
#include "serve/catalogue.hpp"
#include "serve/gate.hpp"
#include "serve/library.hpp"
#include "serve/request_parser.hpp"
#include "serve/route.hpp"
#include "serve/upstream.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gantry::serve {

/// Answers requests out of the store, and out of an upstream registry when there is one. Used on the strand.
class handler {
 public:
  static constexpr std::size_t page_limit = 1'000;  ///< names in one answer

  /// All arguments must outlive the handler. \param door null: everybody is let in \param source null: what is not held is not found
  /// \param trouble told what failed here, in words that are not for clients
  handler(library& content, gate* door, upstream* source, std::function<void(const std::string&)> trouble)
      : content_(content), door_(door), source_(source), trouble_(std::move(trouble)) {}

  /// \p request and \p stop must live until the task has ended. \p user is set to who asked, when that is known. Never fails: what goes
  /// wrong is an answer.
  task<answer> respond(const request_head& request, runtime::stop_source& stop, std::string& user);

 private:
  /// Where a request leads: a repository that is held, one that the upstream may have, or neither.
  struct place {
    std::shared_ptr<const catalogue> names;
    std::optional<repository> held;
    std::optional<repository> above;  ///< of the upstream's registry
  };
  task<result<place>> locate(const route& wanted, std::optional<answer>& refused);
  task<answer> manifest(route wanted, const request_head& request, runtime::stop_source& stop);
  task<answer> blob(route wanted, const request_head& request, runtime::stop_source& stop);
  /// The document that the upstream led to.
  task<result<std::optional<held_document>>> read_fetched(upstream_manifest fetched);
  /// Whoever asks for a manifest pulls what it is part of.
  task<> note_use(place where, route wanted);
  task<answer> tags(route wanted);
  task<answer> catalog(route wanted);
  task<answer> referrers(route wanted, runtime::stop_source& stop);
  answer failed(const failure& why);
  /// \param stop of the request: nothing else says that the server stops
  answer refused_above(const failure& why, const runtime::stop_source& stop);

  library& content_;
  gate* door_;
  upstream* source_;
  std::function<void(const std::string&)> trouble_;
};

}  // namespace gantry::serve
