#include "model/tag_pattern.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace gantry::model {
namespace {

constexpr std::size_t longest_expression = 1'000;
constexpr std::size_t longest_program = 10'000;
constexpr unsigned most_repeated = 1'000;

using characters = std::bitset<256>;

void add_range(characters& set, char from, char to) {
  for (int c = static_cast<unsigned char>(from); c <= static_cast<unsigned char>(to); ++c) set.set(static_cast<std::size_t>(c));
}

/// What `\d`, `\w`, `\s` and their opposites stand for, and characters that mean themselves; nothing for other letters.
std::optional<characters> escaped(char c) {
  characters set;
  switch (c) {
    case 'd':
    case 'D':
      add_range(set, '0', '9');
      break;
    case 'w':
    case 'W':
      add_range(set, '0', '9');
      add_range(set, 'a', 'z');
      add_range(set, 'A', 'Z');
      set.set('_');
      break;
    case 's':
    case 'S':
      for (const char blank : std::string_view(" \t\n\v\f\r")) set.set(static_cast<unsigned char>(blank));
      break;
    default:
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80)
        return std::nullopt;
      set.set(static_cast<unsigned char>(c));
  }
  return c == 'D' || c == 'W' || c == 'S' ? ~set : set;
}

struct node {
  enum class kind { set, sequence, choice, repeat, begin, end };
  kind what = kind::sequence;
  characters set{};
  std::vector<node> parts{};
  unsigned least = 0;
  unsigned most = 0;  ///< 0: any number
};

/// Recursive descent; whatever is not known leaves \ref failed.
class pattern_parser {
 public:
  explicit pattern_parser(std::string_view text) : rest_(text) {}
  bool failed = false;

  node parse() {
    node all = choice();
    failed = failed || !rest_.empty();
    return all;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  node choice() {
    node made;
    made.what = node::kind::choice;
    do made.parts.push_back(sequence());
    while (take('|') && !failed);
    return made;
  }

  node sequence() {
    node made;
    while (!failed && !rest_.empty() && rest_.front() != '|' && rest_.front() != ')') made.parts.push_back(repeated());
    return made;
  }

  node repeated() {
    node one = atom();
    if (failed || rest_.empty()) return one;
    unsigned least = 0;
    unsigned most = 0;
    if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (take('{')) {
      const auto first = number();
      const bool comma = take(',');
      const bool open = comma && !rest_.empty() && rest_.front() == '}';
      least = first.value_or(0);
      most = !comma ? least : open ? 0 : number().value_or(0);
      failed = failed || !take('}') || (!open && (most == 0 || most < least));
    } else if (!take('*')) {
      return one;
    }
    take('?');  // as few as possible: the same where the whole has to match
    const bool place = one.what == node::kind::begin || one.what == node::kind::end;
    const bool twice = !rest_.empty() && (rest_.front() == '*' || rest_.front() == '+' || rest_.front() == '?' || rest_.front() == '{');
    failed = failed || place || twice;
    node made;
    made.what = node::kind::repeat;
    made.least = least;
    made.most = most;
    made.parts.push_back(std::move(one));
    return made;
  }

  std::optional<unsigned> number() {
    unsigned value = 0;
    bool any = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && value <= most_repeated) {
      value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
      any = true;
    }
    if (any && value <= most_repeated) return value;
    failed = true;
    return std::nullopt;
  }

  node atom() {
    node made;
    made.what = node::kind::set;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
      case '(':
        if (rest_.starts_with("?:")) rest_.remove_prefix(2);
        if (rest_.starts_with('?')) failed = true;
        if (!failed) made = choice();
        if (!failed && !take(')')) failed = true;
        return made;
      case '[':
        made.set = bracket();
        return made;
      case '\\': {
        const auto set = rest_.empty() ? std::nullopt : escaped(rest_.front());
        failed = failed || !set;
        if (set) {
          made.set = *set;
          rest_.remove_prefix(1);
        }
        return made;
      }
      case '.':
        made.set.set();
        made.set.reset('\n');
        made.set.reset('\r');
        return made;
      case '^':
        made.what = node::kind::begin;
        return made;
      case '$':
        made.what = node::kind::end;
        return made;
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case ']':
        failed = true;
        return made;
      default:
        failed = failed || static_cast<unsigned char>(c) >= 0x80;
        made.set.set(static_cast<unsigned char>(c));
        return made;
    }
  }

  /// What stands between `[` and `]`.
  characters bracket() {
    characters set;
    const bool negative = take('^');
    bool any = false;
    while (!failed && !rest_.empty() && rest_.front() != ']') {
      any = true;
      if (rest_.front() == '[' || static_cast<unsigned char>(rest_.front()) >= 0x80) failed = true;  // also [:alpha:]
      const auto from = one_of();
      if (failed) break;
      const bool range = rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']';
      if (!range) {
        set |= *from;
        continue;
      }
      rest_.remove_prefix(1);
      const auto to = rest_.front() == '[' ? std::nullopt : one_of();
      if (!to || from->count() != 1 || to->count() != 1) {
        failed = true;
        break;
      }
      const std::size_t first = from->_Find_first();
      const std::size_t last = to->_Find_first();
      if (first > last) failed = true;
      for (std::size_t c = first; c <= last; ++c) set.set(c);
    }
    failed = failed || !any || !take(']');
    return negative ? ~set : set;
  }

  std::optional<characters> one_of() {
    if (take('\\')) {
      const auto set = rest_.empty() ? std::nullopt : escaped(rest_.front());
      failed = failed || !set;
      if (set) rest_.remove_prefix(1);
      return set;
    }
    characters set;
    set.set(static_cast<unsigned char>(rest_.front()));
    rest_.remove_prefix(1);
    return set;
  }

  std::string_view rest_;
};

}  // namespace

/// Turns the tree into instructions.
class tag_pattern::compiler {
 public:
  std::vector<instruction> program;
  bool failed = false;

  void emit(const node& one) {
    if (program.size() > longest_program) failed = true;
    if (failed) return;
    switch (one.what) {
      case node::kind::set:
        program.push_back({step::take, one.set});
        return;
      case node::kind::begin:
        program.push_back({step::begin});
        return;
      case node::kind::end:
        program.push_back({step::end});
        return;
      case node::kind::sequence:
        for (const node& part : one.parts) emit(part);
        return;
      case node::kind::choice:
        emit_choice(one);
        return;
      case node::kind::repeat:
        emit_repeat(one);
        return;
    }
  }

 private:
  std::size_t place(step what) {
    program.push_back({what});
    return program.size() - 1;
  }

  void emit_choice(const node& one) {
    std::vector<std::size_t> leaving;
    for (std::size_t i = 0; i < one.parts.size() && !failed; ++i) {
      if (i + 1 == one.parts.size()) {
        emit(one.parts[i]);
        break;
      }
      const std::size_t split = place(step::split);
      program[split].first = program.size();
      emit(one.parts[i]);
      leaving.push_back(place(step::jump));
      program[split].second = program.size();
    }
    for (const std::size_t jump : leaving) program[jump].first = program.size();
  }

  void emit_repeat(const node& one) {
    for (unsigned i = 0; i < one.least && !failed; ++i) {
      const std::size_t before = program.size();
      emit(one.parts.front());
      // Nothing, however often. Repetitions of it inside each other would never come to a limit.
      if (program.size() == before) return;
    }
    if (one.most == 0) {
      const std::size_t split = place(step::split);
      program[split].first = program.size();
      emit(one.parts.front());
      program[place(step::jump)].first = split;
      program[split].second = program.size();
      return;
    }
    std::vector<std::size_t> leaving;
    for (unsigned i = one.least; i < one.most && !failed; ++i) {
      leaving.push_back(place(step::split));
      program[leaving.back()].first = program.size();
      emit(one.parts.front());
    }
    for (const std::size_t split : leaving) program[split].second = program.size();
  }
};

std::optional<tag_pattern> tag_pattern::compile(std::string_view expression) {
  if (expression.size() > longest_expression) return std::nullopt;
  pattern_parser parser(expression);
  const node tree = parser.parse();
  if (parser.failed) return std::nullopt;
  compiler made;
  made.emit(tree);
  if (made.failed) return std::nullopt;
  made.program.push_back({step::done});
  tag_pattern pattern;
  pattern.program_ = std::move(made.program);
  return pattern;
}

bool tag_pattern::matches(std::string_view text) const {
  std::vector<std::size_t> now;
  std::vector<std::size_t> next;
  std::vector<std::size_t> open;
  std::vector<bool> seen(program_.size());
  bool done = false;
  // Follows what takes no character, from one place.
  const auto add = [&](std::size_t from, std::size_t at, std::vector<std::size_t>& into) {
    open.assign(1, from);
    while (!open.empty()) {
      const std::size_t place = open.back();
      open.pop_back();
      if (seen[place]) continue;
      seen[place] = true;
      const instruction& one = program_[place];
      switch (one.what) {
        case step::take:
          into.push_back(place);
          break;
        case step::split:
          open.push_back(one.second);
          open.push_back(one.first);
          break;
        case step::jump:
          open.push_back(one.first);
          break;
        case step::begin:
          if (at == 0) open.push_back(place + 1);
          break;
        case step::end:
          if (at == text.size()) open.push_back(place + 1);
          break;
        case step::done:
          done = done || at == text.size();
          break;
      }
    }
  };
  add(0, 0, now);
  for (std::size_t at = 0; at < text.size() && !now.empty(); ++at) {
    std::fill(seen.begin(), seen.end(), false);
    next.clear();
    for (const std::size_t place : now) {
      if (program_[place].set.test(static_cast<unsigned char>(text[at]))) add(place + 1, at + 1, next);
    }
    std::swap(now, next);
  }
  return done;
}

}  // namespace gantry::model
