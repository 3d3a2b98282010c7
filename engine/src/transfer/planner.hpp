#pragma once

#include "transfer/rate_meter.hpp"
#include "transfer/segment_map.hpp"

#include <gantry/events.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace gantry::transfer {

using gantry::segment_kind;

/// How an origin treats range requests for a blob.
enum class range_support {
  unknown,  ///< not asked yet, or the probe is under way
  yes,      ///< a 206 was seen
  no,       ///< a range request was answered with the whole
};

using stream_id = std::uint64_t;
using blob_id = std::size_t;

struct assignment {
  stream_id stream = 0;
  blob_id blob = 0;
  byte_range range;
  segment_kind kind = segment_kind::segment;
  bool ahead = false;  ///< its request is made while the connection still brings the answer to another
};

/// Decides which connection asks for which bytes (DESIGN section 3, PERFORMANCE "Scheduling"). Knows blobs as sizes, connections as streams
/// of bytes, and time as a parameter; the simulator and the real scheduler drive the same object. What a call costs grows with the number
/// of streams under way, not with that of the blobs.
class planner {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    /// How many connections will ask for work at once.
    unsigned connections = 1;
    /// That number changes on the way: one connection now is no promise of one connection for good.
    bool adaptive = false;
    /// Up to here a blob costs about as much as its request: smallest first, before all others.
    std::uint64_t small_blob = std::uint64_t{64} << 10;
    /// A segment's size while rate and round-trip time are unknown, and its least otherwise.
    std::uint64_t first_chunk = std::uint64_t{4} << 20;
    std::uint64_t largest_chunk = std::uint64_t{64} << 20;
    /// Near the end segments shrink, but not below this.
    std::uint64_t last_chunk = std::uint64_t{1} << 20;
    /// What a thief takes is worth a request from here on.
    std::uint64_t least_steal = std::uint64_t{256} << 10;
    /// Streams at once for the blobs of one group. 0: no limit of its own.
    unsigned per_group = 0;
    /// Requests ahead for every one that is being answered.
    unsigned ahead = 2;
    /// How far ahead of the contiguous prefix a blob may be written.
    std::uint64_t out_of_order = std::uint64_t{256} << 20;
    /// Blobs are finished in the order in which they were added, for a reader that takes them so: the first that has gaps gets everybody.
    bool in_order = false;
  };

  explicit planner(settings values) : values_(values) {}

  /// A blob that will be wanted; not asked for before \ref open. \param group blobs that share a limit: those of one registry
  blob_id add(std::uint64_t size, std::size_t group = 0);
  /// The blob can be fetched now, or again from the start; \p held is there already. A stream of its earlier life brings nothing any more.
  void open(blob_id blob, byte_ranges held);
  /// The blob is not needed any more, e.g. found in the store.
  void drop(blob_id blob);

  /// Work for an idle connection; nothing when there is none at the moment: ask again after a change and every 100 ms, since silence is no
  /// change. \p last is the blob that this connection worked on before.
  std::optional<assignment> next(time_point now, std::optional<blob_id> last = std::nullopt);

  /// The same for who asks ahead, behind the requests of others: the whole of a blob that is not worth a connection of its own. Nothing
  /// when none is left, or when enough of it has been asked for.
  std::optional<assignment> next_ahead(time_point now);
  /// Up to here a blob arrives in less time than a request takes: another may be asked for behind it.
  std::uint64_t brief() const noexcept;

  /// The header of the stream's answer is here. \p support what it tells about ranges; \p begin where its body starts, \p end where it ends
  /// if that is before the end of what was asked: the rest is a gap again.
  void header(stream_id stream, time_point now, range_support support, std::uint64_t begin,
              std::optional<std::uint64_t> end = std::nullopt);
  /// A range request that was answered with the whole although others work on the blob: the answer is of no use. Ranges are given up for
  /// this blob, and a plain stream that is under way gets back what was to be taken from it.
  void refused(stream_id stream);
  /// A range request was answered with the whole, others for the same blob with parts: true when that costs an attempt and no more, as the
  /// first time, or after progress.
  bool whole_by_mistake(stream_id stream);
  /// The stream's range request was answered with 416 although it asks for what the blob has (RFC 9110 section 15.5.17): true when that is
  /// known of the blob, by an earlier request that was over before this one began. Then ranges are given up as by \ref refused, and other
  /// blobs of the group are asked for as a whole at once; false: it may pass, and costs an attempt.
  bool unsatisfied(stream_id stream, time_point now);
  /// The stream's request was made only then: before, it waited for the answer to another. To be told before \ref header.
  void asked(stream_id stream, time_point when) { streams_.at(stream).asked = when; }
  /// The stream's request is made only now, or once more after an answer that led on: from here on it is silent.
  void asks(stream_id stream, time_point now) {
    streams_.at(stream).last_byte = now;
    streams_.at(stream).is_asked = true;
  }
  /// The stream's request waited behind others, so that its times say little. To be told before \ref header.
  void went_behind(stream_id stream) { streams_.at(stream).behind = true; }
  /// Bytes were received; \returns which of them the caller must write. Position follows.
  std::vector<byte_range> received(stream_id stream, time_point now, std::uint64_t bytes);
  /// The stream waits for something of ours, or does no longer: meanwhile nobody takes it for silent or slow.
  void held_up(stream_id stream, time_point now, bool waiting);
  /// A limit of ours kept a stream waiting: while it does, no connection is faster than another, and nothing is asked for twice of those
  /// that bring something. What has been sent already lies in buffers here and would be paid for again.
  void limited(time_point now) { limited_at_ = now; }
  /// The same for the disk, which every block waits for a little: only a long wait counts.
  void storing(stream_id stream, time_point now, bool waiting);
  /// What the stream's connection holds that nobody has read, in bytes: a cut would throw it away. Until it is told anew it is taken to
  /// hold as much.
  void unread(stream_id stream, std::uint64_t bytes) { streams_.at(stream).unread = bytes; }
  /// How many bytes from its position on the stream should still read: less than asked when the rest was given away, 0 when it should end.
  std::uint64_t remaining(stream_id stream) const;
  /// Whether the stream's answer has more to come, but others have or will have all of it.
  bool overtaken(stream_id stream) const;
  /// The stream is over; what it has not received is free again.
  void ended(stream_id stream);
  /// The server of the blob's group asks for patience: nothing of the group is asked for before \p until, and for a minute
  /// fewer and larger requests are made.
  void leave_alone(blob_id blob, time_point now, time_point until);
  /// A request for the blob has failed: until one brings bytes again, no second is made.
  void troubled(blob_id blob);
  void written(blob_id blob, byte_range range) { blobs_.at(blob).map->written(range); }

  /// Streams to cut because they are much slower than the others or have fallen silent; each is named once. Call it a few times per second.
  std::vector<stream_id> laggards(time_point now);
  /// Whether \ref laggards has named the stream since nobody answers it and no other request could be made beside it: where such a request
  /// does not end in a timeout, this is one, and costs an attempt.
  bool unanswered(stream_id stream) const { return streams_.at(stream).unanswered; }

  /// Bytes of the blob that have been received, held ones included.
  std::uint64_t claimed(blob_id blob) const;
  const segment_map& map(blob_id blob) const { return *blobs_.at(blob).map; }
  /// Where a stream will write next; for the owner of the stream.
  std::uint64_t position(stream_id stream) const { return streams_.at(stream).position; }
  /// Bytes that nobody has received yet, of open and unopened blobs.
  std::uint64_t outstanding() const noexcept { return outstanding_; }
  /// Bytes received twice because of hedging.
  std::uint64_t hedged() const noexcept { return hedged_; }
  /// What is known of the line's round trip: the shortest wait for a header so far, as far as it can be the line's; 0 while none has come.
  std::chrono::nanoseconds round_trip() const noexcept { return std::min<std::chrono::nanoseconds>(shortest_wait(), longest_round_trip); }
  /// The origin is known to answer with ranges: no blob waits for a probe.
  void assume_ranges() noexcept { ranges_seen_ = true; }
  void set_connections(unsigned count) noexcept { values_.connections = count; }
  /// As many as are at work for the blob's group, itself included when it is.
  unsigned connections_for(blob_id blob) const;
  unsigned streams_of(blob_id blob) const { return static_cast<unsigned>(blobs_.at(blob).streams.size()); }
  /// Streams under way, without those asked for ahead.
  std::size_t active() const noexcept { return streams_.size() - ahead_; }
  /// Those of them that say something of the line: not who waits for an answer longer than a line takes.
  std::size_t at_work(time_point now) const;
  /// How many requests their host has certainly been answering at once, at most since this was asked last: of these more was to come than
  /// sockets hold. 0 where several hosts answer, since what is known of one says nothing of the others.
  unsigned served();
  /// How many requests besides those that have ended the host of \p blob may be at work on, answered or not. The highest number where
  /// other hosts answer, too.
  unsigned served_at_most(blob_id blob) const;

 private:
  /// What waits in the buffers of both sides of a connection at most, unless more is seen in those of this side.
  static constexpr std::uint64_t socket_buffers = std::uint64_t{1} << 20;

  /// A place in the order in which blobs are begun.
  struct rank {
    bool large = false;
    std::uint64_t order = 0;  ///< within its kind
    blob_id blob = 0;
    friend auto operator<=>(const rank&, const rank&) = default;
  };

  struct blob_state {
    std::uint64_t size = 0;
    std::size_t group = 0;
    std::optional<segment_map> map;  ///< there while the blob is open
    range_support ranges = range_support::unknown;
    bool troubled = false;
    std::optional<std::uint64_t> whole_at;     ///< bytes that were here when a part was last answered with the whole
    std::optional<time_point> unsatisfied_at;  ///< when a range request was first answered with 416
    std::uint64_t unsatisfied_with = 0;        ///< bytes that were here then
    unsigned fruitless = 0;  ///< how many streams in a row were cut, each begun when the one before it had been, since one was of use
    bool heard = true;       ///< bytes have come since the last was cut
    std::vector<stream_id> streams;
    std::optional<rank> waiting;  ///< its place in \ref waiting_
  };
  struct stream_state {
    blob_id blob = 0;
    std::uint64_t position = 0;
    std::uint64_t end = 0;     ///< of what it should still bring
    std::uint64_t answer = 0;  ///< end of what its answer holds
    segment_kind kind = segment_kind::segment;
    time_point started;
    time_point asked;  ///< when its request was made
    time_point answered;
    time_point last_byte;
    bool is_asked = false;  ///< the host may be at work on its request; before, it waits for its turn there
    bool has_answer = false;
    bool ahead = false;
    bool cut = false;                           ///< was named as a laggard
    bool unanswered = false;                    ///< and that because it has no answer, as the only one who could ask
    bool disowned = false;                      ///< its blob was begun anew
    bool held_up = false;                       ///< waits for something that is not the network
    std::optional<time_point> storing_since{};  ///< waits for the disk
    stream_id rival = 0;                        ///< hedge and hedged know each other; 0: nobody
    std::uint64_t bytes = 0;                    ///< received
    std::optional<time_point> slow_since{};
    rate_meter rate;
    bool behind = false;                 ///< its answer may have come while another was read
    std::chrono::nanoseconds paused{0};  ///< of the time since its answer, what was spent waiting for something of ours
    double last_rate = 0;                ///< when it last received something; 0: not known yet
    std::uint64_t unread = 0;            ///< in its connection's buffers on this side, when last looked at
    std::uint64_t charged = 0;           ///< of what its connection will have brought for nothing
    unsigned doubt = 0;                  ///< its blob's \ref blob_state::fruitless when it began
    bool instead = false;                ///< a hedge whose rival is given up as soon as it brings something

    std::uint64_t left() const noexcept { return end > position ? end - position : 0; }
  };

  /// Of a group's requests without an answer that nobody may repeat meanwhile one is given up for all: what becomes of it is told of the
  /// server, if it needs long for the first byte, or of the connections.
  struct trial {
    blob_id blob = 0;           ///< of the one that was given up
    time_point at;              ///< when
    unsigned number = 0;        ///< how many have been in a row
    bool pending = false;       ///< it has not been answered since
    time_point outdone_before;  ///< what was asked for before then waits in vain: a later request was answered at once
  };

  /// How often a group was to be left alone lately.
  struct refusals {
    time_point last{};
    unsigned number = 0;  ///< one for all that came until the pause was over
  };

  std::uint64_t missing(blob_id blob) const noexcept;
  /// Plain streams of \p blob besides \p id get back what was to be taken from them.
  void return_taken(const blob_state& blob, stream_id id);
  /// Puts the blob where \ref choose finds it.
  void file(blob_id blob);
  void disown(blob_id blob);
  bool left_alone(blob_id blob) const { return quiet_.contains(blobs_[blob].group); }
  /// How many times as large as usual requests to the group should be, since each may be refused.
  std::uint64_t scarcity(std::size_t group, time_point now) const;
  /// The least size of a part, \p usual in bytes, where each request may be refused: at most what a connection brings meanwhile.
  std::uint64_t at_least(std::uint64_t usual, std::size_t group, time_point now) const;
  void count_served();
  /// Whether streams are at work for other groups than that.
  bool others_than(std::size_t group) const;
  bool group_is_full(blob_id blob) const;
  /// Whether there are as many streams at work for the blob's group as may be.
  bool group_is_at_its_limit(blob_id blob) const;
  std::optional<byte_range> gap_of(blob_id blob) const;
  std::uint64_t chunk(std::size_t group, time_point now);
  std::optional<blob_id> choose(std::optional<blob_id> last) const;
  assignment start(time_point now, blob_id blob, byte_range range, segment_kind kind, bool ahead = false);
  assignment start_gap(time_point now, blob_id blob, byte_range gap);

  bool worth_connecting(time_point now);
  /// Seconds until the header of a request made now will be here.
  double header_wait() const noexcept;
  /// Bytes that may come twice or for nothing, and those that have or at worst will.
  std::uint64_t allowance() const noexcept;
  std::uint64_t risk() const noexcept;
  bool divisible(const stream_state& stream) const;
  bool repeatable(const stream_state& stream) const;
  static bool kept_by_us(const stream_state& stream, time_point now);
  bool silent(const stream_state& stream, time_point now) const;
  bool judged(const stream_state& stream, time_point now) const;
  double seconds_to_go(stream_state& stream, time_point now) const;
  /// How many streams the one stands for that were cut in vain.
  unsigned doubts_about(const stream_state& stream) const noexcept;
  /// How long a stream may be slow or silent before another connection is tried: twice as long for each of \p doubts.
  std::chrono::nanoseconds patience(unsigned doubts) const noexcept;
  /// Whether other connections to the stream's host bring bytes.
  bool others_bring(stream_id id, time_point now) const;
  /// How long a stream may be without an answer, however it is with the others.
  std::chrono::nanoseconds patience_without_answer(stream_id id, time_point now) const;
  /// Whether the stream has no answer, and nobody else may ask for the same meanwhile.
  bool waits_alone(const stream_state& stream) const;
  /// For how long it may do so: longer each time, since a server may need as long for its first byte, and where others wait too.
  std::chrono::nanoseconds patience_alone(stream_id id, time_point now) const;
  /// Whether other requests to the stream's host have been without an answer for long.
  bool others_unanswered(stream_id id, time_point now) const;
  /// Whether a stream that waits alone may be given up, with what became of others.
  bool may_try(const stream_state& stream, time_point now) const;
  /// It is given up.
  void try_again(const stream_state& stream, time_point now);
  /// The stream has been answered after \p waited.
  void settle_trial(const stream_state& stream, std::chrono::nanoseconds waited);
  /// Whether nothing of the group has been answered so far, and one of its requests is repeated already.
  bool one_repeated_for_all(std::size_t group) const;
  /// How long it may be silent, with what others tell.
  std::chrono::nanoseconds patience_in_silence(stream_id id, time_point now) const;
  /// A stream has brought something new.
  void progressed(const stream_state& stream, time_point now);
  /// Whether another can go on with what the stream should bring, once it is cut.
  bool replaceable(const stream_state& stream) const;
  /// Whether the stream has been silent for so long that another is asked in its place, whatever is risked already.
  bool given_up(const stream_state& stream, time_point now) const;
  /// What a connection does these days, bytes per second; 0: not known.
  double rate_of_others(time_point now);
  /// A stream that needs less than that for \p left bytes is not worth a second request: another must be expected to need a small part of
  /// it.
  double seconds_worth_waiting(std::uint64_t left) const noexcept;
  /// Bytes that its connection has brought already and that it will read.
  std::uint64_t here(const stream_state& stream, time_point now) const;
  /// Bytes that would still arrive, for nothing, if the stream were cut at the offset \p end of its blob.
  std::uint64_t lost_by_cut(const stream_state& stream, time_point now, std::uint64_t end) const;
  void charge(stream_state& stream, std::uint64_t lost);
  /// Whether a limit of ours decides how fast everything is.
  bool is_limited(time_point now) const;
  std::optional<assignment> steal(time_point now);
  std::optional<assignment> hedge(time_point now);
  /// The rival of \p hedge is of no use any more.
  void take_over(stream_state& hedge, time_point now);
  /// The stream has no rival any more: what it asks for nobody else does.
  void part(stream_state& stream) const;
  double round_trip_seconds() const noexcept { return std::chrono::duration<double>(round_trip()).count(); }
  /// For a header, the server's time included.
  std::chrono::nanoseconds shortest_wait() const noexcept { return shortest_wait_.value_or(std::chrono::nanoseconds(0)); }
  double shortest_wait_seconds() const noexcept { return std::chrono::duration<double>(shortest_wait()).count(); }

  /// No line takes longer: what does is a server that is slow with the first byte.
  static constexpr std::chrono::seconds longest_round_trip{1};
  /// A server may have to fetch a blob itself before it can answer; who takes so long may never have got the request.
  static constexpr std::chrono::seconds unheard{8};
  /// So many times the longest wait for an answer so far is a silence.
  static constexpr int waits = 4;
  /// Without a byte for so long an answer is silent, on a line that is quick.
  static constexpr std::chrono::milliseconds least_silence{500};
  /// Who has been silent for so long will hardly say anything more.
  static constexpr std::chrono::seconds dead{3};
  /// A connection gathers speed for so many round trips.
  static constexpr int slow_start_round_trips = 10;
  /// DESIGN, "Constants": so much is progress.
  static constexpr std::uint64_t least_progress = std::uint64_t{64} << 10;
  /// Patience is doubled so often, and not again.
  static constexpr unsigned most_doublings = 6;

  settings values_;
  std::vector<blob_state> blobs_;
  std::set<rank> waiting_;                   ///< open blobs with gaps that nobody works on
  std::map<std::size_t, unsigned> active_;   ///< streams of a group
  std::map<std::size_t, time_point> quiet_;  ///< groups that are left alone, and until when
  std::map<std::size_t, refusals> refusals_;
  std::map<std::size_t, trial> trials_;  ///< by group
  std::set<std::size_t> heard_;          ///< groups of which something has been answered
  std::set<std::size_t> partless_;       ///< groups whose servers refuse every range
  std::set<blob_id> busy_;               ///< open blobs that somebody works on
  std::map<stream_id, stream_state> streams_;
  unsigned served_ = 0;  ///< see \ref served
  stream_id next_stream_ = 1;
  std::size_t ahead_ = 0;        ///< streams asked for ahead
  std::size_t warm_ = 0;         ///< connections that are open and idle
  bool ranges_seen_ = false;     ///< the origin has answered 206 before
  bool ranges_refused_ = false;  ///< the origin has answered 200 to a range
  std::optional<time_point> limited_at_;
  std::optional<std::chrono::nanoseconds> shortest_wait_;  ///< for a header
  double usual_wait_ = 0;                                  ///< for a header, seconds; 0: not known
  std::chrono::nanoseconds longest_wait_{0};               ///< for a header
  double usual_rate_ = 0;                                  ///< of one connection, bytes per second
  std::uint64_t wanted_ = 0;                               ///< bytes that were missing when their blobs were opened
  std::uint64_t outstanding_ = 0;
  std::uint64_t hedged_ = 0;
  std::uint64_t thrown_ = 0;  ///< estimated to be under way on connections that were cut
};

}  // namespace gantry::transfer
