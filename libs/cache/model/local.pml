/*
 * One process and its threads: readers that load, join and store; invalidations of the key, of its family and of the
 * family around that; eviction. Steps are as small as the code's: what one lock covers is one step, what is lock-free is
 * one step an atomic operation.
 *
 * The key's inner family is an interned node, held by the entry and by running loads, gone with the last of them and made
 * anew when next needed; the outer family is the root and stays. `counter` numbers the generations of all families.
 *
 * Loads are numbered in the code, and a load is new enough for a reader when its number is above that of the last load
 * begun when he asked. Here each load has the set of those for whom it is, so that numbers do not tell states apart.
 *
 * stale: STORE_UNGUARDED CHECK_THEN_STORE ENTRY_STAMPED_AT_STORE STAMP_AFTER_SNAPSHOT JOIN_OLD_LOAD
 * stale: KEY_DROP_KEEPS_FLIGHT KEY_DROP_KEEPS_ENTRY FAMILY_NODE_FORGOTTEN NODE_FOUND_BY_NAME NODE_FREED_UNDER_READER
 * stale: GENERATION_RESTARTS RAISE_MAY_LOWER READER_SKIPS_GENERATION OUTER_FAMILY_IGNORED INVALIDATE_BEFORE_COMMIT
 * stale: NUMBER_OF_EARLIER_READ NUMBER_NEED_NOT_BE_ABOVE
 * two loads: OLD_END_CLEARS_SLOT
 * stuck: DOOMED_LOAD_TELLS_NOBODY
 * variants: STORE_ASKS_NO_FAMILY
 */
#include "promise.pml"

#ifndef READERS
#define READERS 2
#define READS 4 /* of all readers together, in any share */
#endif
#define NOBODY READERS          /* no reader, no load */
#define NODES (2 * READERS + 2) /* 0 is no node; more than entry, loads and guards can hold at once */

typedef Node {
  byte generation;
  byte references; /* of the entry and of loads: in the table while there is one */
  byte guards      /* of lock-free readers: not freed while there is one */
};
Node node[NODES];
byte inner;            /* the node in the table, or 0 */
byte outer_generation; /* of the root */
byte counter;

bool entry;
byte entry_value, entry_stamp, entry_node;

/* A load is known by the reader who began it. */
typedef Load {
  bool running;
  bool doomed;
  byte stamp;
  byte node;
  byte new_to /* the readers, one bit each, who ask and asked already when it began: it is new enough for them */
};
Load load[READERS];
byte slot = NOBODY;  /* the load that readers find: of those that run the one that began last */
byte older = NOBODY; /* the other one that runs, beside that in the slot */
byte awaits[READERS] = NOBODY;
bool too_old[READERS]; /* the load that is awaited: its end is waited for, not its value */
byte answer[READERS];

byte asking;        /* the readers who began to read and have not joined or begun a load, one bit each */
byte reads, began;  /* by all readers; readers who began */
bool committed;
hidden byte each, good_load_runs_already, two_run_already; /* of no use between steps */

/* Whether nothing around the key was invalidated since the counter stood at `stamp`. */
#ifdef MUTANT_OUTER_FAMILY_IGNORED
#define OUTER_UNCHANGED(stamp) true
#else
#define OUTER_UNCHANGED(stamp) (outer_generation <= (stamp))
#endif
#define INNER_UNCHANGED(which, stamp) (node[which].generation <= (stamp))
#if READERS == 2
#define RUNNING (load[0].running + load[1].running)
#else
#define RUNNING (load[0].running + load[1].running + load[2].running)
#endif
#define GOOD(r) (!load[r].doomed && INNER_UNCHANGED(load[r].node, load[r].stamp) && OUTER_UNCHANGED(load[r].stamp))

#ifdef MUTANT_READER_SKIPS_GENERATION
#define GOOD_ENTRY entry
#elif defined(MUTANT_NODE_FOUND_BY_NAME)
#define GOOD_ENTRY (entry && (inner == 0 || INNER_UNCHANGED(inner, entry_stamp)) && OUTER_UNCHANGED(entry_stamp))
#else
#define GOOD_ENTRY (entry && INNER_UNCHANGED(entry_node, entry_stamp) && OUTER_UNCHANGED(entry_stamp))
#endif

#ifdef MUTANT_JOIN_OLD_LOAD
#define GOOD_TO_JOIN (!load[slot].doomed)
#else
#define GOOD_TO_JOIN GOOD(slot)
#endif
#define MAY_JOIN(r) (GOOD_TO_JOIN || (load[slot].new_to & (1 << r)))

#ifdef MUTANT_NODE_FREED_UNDER_READER
#define FREE(n) (node[n].references == 0)
#else
#define FREE(n) (node[n].references == 0 && node[n].guards == 0)
#endif

/* Within a d_step: the node of the inner family, made if need be, and held. */
inline hold(which) {
  if
  :: inner == 0 ->
     inner = 1;
     do
     :: FREE(inner) -> break
     :: else -> inner++
     od;
     node[inner].generation = 0
  :: else
  fi;
  which = inner;
  node[which].references++
}

/* Within a d_step. */
inline let_go(which) {
  if
  :: which != 0 ->
     node[which].references--;
     if
     :: node[which].references == 0 && inner == which -> inner = 0
     :: else
     fi;
     if
     :: FREE(which) -> node[which].generation = 0
     :: else
     fi
  :: else
  fi;
  which = 0
}

/* Within a d_step. */
inline remove_entry() {
  if
  :: entry ->
     entry = false;
     entry_value = 0;
     entry_stamp = 0;
     let_go(entry_node)
  :: else
  fi
}

inline store(r, value) {
  remove_entry();
  entry = true;
  entry_value = value;
#ifdef MUTANT_ENTRY_STAMPED_AT_STORE
  entry_stamp = counter;
#else
  entry_stamp = load[r].stamp;
#endif
  hold(entry_node)
}

/* Within a d_step. */
inline asks_no_more(r) {
  asking = asking & ~(1 << r);
#ifndef MUTANT_NUMBER_OF_EARLIER_READ
  for (each : 0 .. READERS - 1) {
    load[each].new_to = load[each].new_to & ~(1 << r)
  }
#endif
}

/* Within a d_step: under the lock of the key's loads. */
inline begin_load(r) {
  asks_no_more(r);
#ifndef ONLY_STALE
  /* F-1: whoever begins a load finds no other that would have served; C-27: nor two of them. */
  good_load_runs_already = false;
  for (each : 0 .. READERS - 1) {
    good_load_runs_already = good_load_runs_already || load[each].running && GOOD(each)
  }
  assert(!good_load_runs_already);
  two_run_already = RUNNING >= 2;
  assert(!two_run_already);
#endif
  load[r].running = true;
  load[r].new_to = asking;
  older = slot;
#ifndef MUTANT_FAMILY_NODE_FORGOTTEN
  hold(load[r].node);
#endif
  load[r].stamp = counter;
  slot = r
}

/* Within a d_step: the load is over, its value goes to all who wait. */
inline end_load(r, value) {
#ifdef MUTANT_OLD_END_CLEARS_SLOT
  slot = NOBODY;
#endif
  if
  :: slot == r ->
#ifdef MUTANT_OLDER_FORGOTTEN
     slot = NOBODY;
#else
     slot = older;
#endif
     older = NOBODY
  :: older == r -> older = NOBODY
  :: else
  fi;
  for (each : 0 .. READERS - 1) {
    if
#if defined(MUTANT_DOOMED_LOAD_TELLS_NOBODY)
    :: awaits[each] == r && !load[r].doomed ->
#elif defined(MUTANT_END_TELLS_JOINERS_ALONE)
    :: awaits[each] == r && !too_old[each] ->
#else
    :: awaits[each] == r ->
#endif
       answer[each] = (too_old[each] -> 0 : value);
       awaits[each] = NOBODY
    :: else
    fi
  }
  let_go(load[r].node);
  load[r].running = false;
  load[r].doomed = false;
  load[r].stamp = 0;
  load[r].new_to = 0
}

/* Within a d_step: the read is over. */
inline give(value) {
  assert(value >= promised_before_read);
  value = 0;
  promised_before_read = 0
}

proctype Reader(byte r) {
  byte value, promised_before_read, seen_node, seen_stamp;
  bool good;
  began >= r || reads == READS; /* the readers are alike: one order stands for all */
  do
     /* Look up, lock-free: take the entry under a guard, then judge it by one family after the other. */
  :: d_step {
       reads < READS ->
       began = (began == r -> began + 1 : began);
       reads++;
       asking = asking | (1 << r);
#ifdef MUTANT_NUMBER_NEED_NOT_BE_ABOVE
       if
       :: slot != NOBODY -> load[slot].new_to = load[slot].new_to | (1 << r)
       :: else
       fi;
#endif
       promised_before_read = promised;
       if
       :: entry ->
          value = entry_value;
          seen_stamp = entry_stamp;
          seen_node = entry_node;
          node[seen_node].guards++
       :: else
       fi
     };
     if
     :: seen_node != 0 ->
#if defined(MUTANT_READER_SKIPS_GENERATION)
        good = true;
#elif defined(MUTANT_NODE_FOUND_BY_NAME)
        good = (inner == 0 || INNER_UNCHANGED(inner, seen_stamp));
#else
        good = INNER_UNCHANGED(seen_node, seen_stamp);
#endif
        d_step {
#ifndef MUTANT_READER_SKIPS_GENERATION
          good = good && OUTER_UNCHANGED(seen_stamp);
#endif
          if
          :: good ->
             asks_no_more(r);
             give(value)
          :: else -> value = 0
          fi;
          node[seen_node].guards--;
          if
          :: FREE(seen_node) -> node[seen_node].generation = 0
          :: else
          fi;
          seen_node = 0;
          seen_stamp = 0
        }
     :: else
     fi;
     if
     :: good ->
        good = false;
        goto answered
     :: else
     fi;

     /*
      * A miss. Look again, now under the lock; join the newest load where it is good, or new enough whatever was
      * invalidated since; else begin one, or where two run wait until the older one has ended, and ask again.
      * Who finds a load that is new enough but not good need not join it.
      */
ask:
     if
     :: d_step {
          !GOOD_ENTRY && slot != NOBODY && MAY_JOIN(r) ->
          asks_no_more(r);
          awaits[r] = slot
        }
     :: d_step {
          GOOD_ENTRY || slot == NOBODY || !GOOD_TO_JOIN ->
          if
          :: GOOD_ENTRY ->
             asks_no_more(r);
             value = entry_value;
             give(value);
             good = true
#ifndef MUTANT_THIRD_LOAD_BEGINS
          :: !GOOD_ENTRY && older != NOBODY ->
             awaits[r] = older;
             too_old[r] = true
#endif
          :: else -> begin_load(r)
          fi
        }
     fi;
wait:
     if
     :: good -> good = false
     :: too_old[r] ->
        d_step {
          awaits[r] == NOBODY;
          too_old[r] = false
        };
#ifdef MUTANT_JOINS_ANY_LOAD_AFTER_WAITING
        if
        :: d_step {
             slot != NOBODY ->
             asks_no_more(r);
             awaits[r] = slot
           };
           goto wait
        :: else
        fi;
#endif
        goto ask
     :: !good && !too_old[r] && !load[r].running ->
        d_step {
          awaits[r] == NOBODY;
          value = answer[r];
          answer[r] = 0;
          give(value)
        }
     :: else ->
        value = database;
#ifdef MUTANT_STAMP_AFTER_SNAPSHOT
        load[r].stamp = counter;
#endif
#ifdef MUTANT_CHECK_THEN_STORE
        good = GOOD(r);
#endif
        d_step {
#ifdef MUTANT_FAMILY_NODE_FORGOTTEN
          hold(load[r].node);
#endif
          if
#if defined(MUTANT_STORE_UNGUARDED)
          :: true -> store(r, value)
#elif defined(MUTANT_CHECK_THEN_STORE)
          :: good -> store(r, value)
#elif defined(VARIANT_STORE_ASKS_NO_FAMILY)
          :: !load[r].doomed -> store(r, value)
#else
          :: GOOD(r) -> store(r, value)
#endif
          :: else
          fi;
          good = false;
          end_load(r, value);
          give(value)
        }
     fi;
answered:
     skip
  :: reads == READS -> break
  od
}

/* One step: entry and load of a key are under one lock. */
inline invalidate_key() {
#ifndef MUTANT_KEY_DROP_KEEPS_ENTRY
  remove_entry();
#endif
#ifndef MUTANT_KEY_DROP_KEEPS_FLIGHT
  if
  :: slot != NOBODY -> load[slot].doomed = true
  :: else
  fi
#endif
}

proctype KeyChange() {
  byte mine;
#ifdef MUTANT_INVALIDATE_BEFORE_COMMIT
  d_step {
    invalidate_key()
  };
  d_step {
    commit(mine);
    promise(mine)
  }
#else
  d_step {
    commit(mine)
  };
  d_step {
    invalidate_key();
    promise(mine)
  }
#endif
}

#ifdef MUTANT_RAISE_MAY_LOWER
#define RAISED(present, mine) (mine)
#else
#define RAISED(present, mine) (present > mine -> present : mine)
#endif

/* Two steps: number the invalidation, then raise the family to that number; another may come between. */
proctype FamilyChange(bool second) {
  byte mine, generation;
  bool outermost;
  !second || committed; /* the two are alike: one order stands for both */
  if
  :: outermost = true
  :: skip
  fi;
  d_step {
    commit(mine);
    committed = true
  };
  d_step {
    counter++;
    generation = counter
  };
  d_step {
    if
    :: outermost -> outer_generation = RAISED(outer_generation, generation)
    :: !outermost && inner != 0 -> node[inner].generation = RAISED(node[inner].generation, generation)
    :: else
    fi;
    promise(mine)
  }
}

proctype Evictor() {
end:
  do
  :: d_step {
       entry -> remove_entry()
     }
#ifdef MUTANT_GENERATION_RESTARTS
  /* The node of some other family went, and the counter with it. */
  :: counter > 0 -> counter = 0
#endif
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1);
#if READERS > 2
    run Reader(2);
#endif
    run KeyChange();
    run FamilyChange(false);
#ifndef ONE_FAMILY_CHANGE
    run FamilyChange(true);
#endif
    run Evictor()
  }
}
