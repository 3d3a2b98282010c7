#include "jobs/run_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace gantry::jobs {
namespace {

// More would only wait for connections.
constexpr std::size_t most_workers = 256;
// A first answer is not announced, so it is looked for.
constexpr std::chrono::milliseconds look_again{20};

std::string describe(const error_code& code, const std::string& registry) {
  if (code == errc::connection_refused) return fmt::format("nobody listens at {}", registry);
  if (code == errc::name_not_resolved) return fmt::format("the host name of {} is not known", registry);
  if (code == errc::connection_lost) return fmt::format("{} breaks connections off", registry);
  return fmt::format("{} does not answer", registry);
}

bool is_silence(const error_code& code) {
  constexpr std::array kinds = {errc::connection_refused, errc::name_not_resolved, errc::connection_lost, errc::timed_out};
  return std::any_of(kinds.begin(), kinds.end(), [&](errc one) { return code == one; });
}

}  // namespace

run_order::turn::turn(run_order& order, std::size_t index) : order_(&order), index_(index) {
  const ends& of = order.images_[index];
  ++order.lanes_[of].under_way;
  ++order.under_way_[of.source];
  ++order.under_way_[of.target];
}

run_order::turn::~turn() {
  if (order_ == nullptr) return;
  const ends& of = order_->images_[index_];
  --order_->lanes_[of].under_way;
  --order_->under_way_[of.source];
  --order_->under_way_[of.target];
  order_->changed_.notify_all();
}

void run_order::add(ends of) {
  lanes_[of].waiting.push_back(images_.size());
  sources_.insert(of.source);
  images_.push_back(std::move(of));
}

std::size_t run_order::workers() const noexcept {
  std::size_t count = 0;
  for (const auto& [of, one] : lanes_) count += std::min(at_once_, one.waiting.size());
  return std::min(count, most_workers);
}

bool run_order::knows(const std::string& registry) const {
  if (registry.empty() || seen_.contains(registry)) return true;
  const auto last = last_(registry);
  return last && *last >= began_;
}

bool run_order::admits(const ends& of, const lane& one) const {
  if (given_up(of)) return true;
  const auto free = [&](const std::string& registry) {
    const auto busy = under_way_.find(registry);
    return busy == under_way_.end() || busy->second == 0 || knows(registry);
  };
  // One source alone holds up nobody but itself, and its images to several targets have to begin together to be read once.
  return one.under_way < at_once_ && (sources_.size() == 1 || free(of.source)) && free(of.target);
}

task<std::optional<run_order::turn>> run_order::next(runtime::stop_source& stop) {
  std::optional<turn> mine;
  while (!stop.stop_requested()) {
    lane* first = nullptr;
    bool left = false;
    for (auto& [of, one] : lanes_) {
      if (one.waiting.empty()) continue;
      left = true;
      if ((first == nullptr || one.waiting.front() < first->waiting.front()) && admits(of, one)) first = &one;
    }
    if (first != nullptr) {
      const std::size_t index = first->waiting.front();
      first->waiting.pop_front();
      mine.emplace(*this, index);
      break;
    }
    if (!left) break;
    co_await changed_.wait(stop, look_again);
  }
  co_return mine;
}

std::optional<failure> run_order::given_up(const ends& of) const {
  for (const std::string* registry : {&of.source, &of.target}) {
    const auto known = given_up_.find(*registry);
    if (known != given_up_.end()) return known->second;
  }
  return std::nullopt;
}

void run_order::succeeded(const ends& of) {
  seen_.insert(of.source);
  seen_.insert(of.target);
}

void run_order::give_up(const std::string& registry, const std::string& name, const failure& why) {
  given_up_.emplace(registry, failure(why.code, fmt::format("given up: {}, as was found with {}", describe(why.code, registry), name)));
  changed_.notify_all();
}

void run_order::failed(const ends& of, const std::string& name, const failure& why, bool hurried) {
  if (!is_silence(why.code)) return;
  // The source is asked first: while it is silent nothing is known of the target.
  if (!knows(of.source)) return give_up(of.source, name, why);
  if (!knows(of.target)) return give_up(of.target, name, why);
  if (hurried) return;
  const auto fell_silent = [&](const std::string& registry, const std::string& other) {
    const auto last = last_(registry);
    const std::string& text = why.text.message();
    // Of several places the failure is that of the last.
    const auto named = [&text](const std::string& places) {
      return !places.empty() && text.find(std::string_view(places).substr(places.rfind(' ') + 1)) != std::string::npos;
    };
    const bool meant = named(registry) && !named(other);
    return meant && last && clock::now() - *last >= patience_;
  };
  if (fell_silent(of.source, of.target)) return give_up(of.source, name, why);
  if (fell_silent(of.target, of.source)) return give_up(of.target, name, why);
}

}  // namespace gantry::jobs
