#pragma once

namespace gantry::http {

struct origin;

/// Is told what a request waits for while it has no answer. Used on the strand alone.
class request_watch {
 public:
  /// It waits, or does no longer, for something without which it cannot be made: a credential, a token, its turn with a host that has
  /// asked for fewer requests.
  virtual void held_up(bool waiting) = 0;
  /// It is made now, of \p where: for the first time, or once more after an answer that was not the last.
  virtual void asks(const origin& where) = 0;

 protected:
  ~request_watch() = default;
};

/// As long as it lives the request of a watch is held up.
class holding_up {
 public:
  /// \param watch may be null; must outlive the object
  explicit holding_up(request_watch* watch) : watch_(watch) {
    if (watch_ != nullptr) watch_->held_up(true);
  }
  ~holding_up() {
    if (watch_ != nullptr) watch_->held_up(false);
  }
  holding_up(const holding_up&) = delete;
  holding_up& operator=(const holding_up&) = delete;

 private:
  request_watch* watch_;
};

}  // namespace gantry::http
