/*
 * One process that serves from memory, with a reader and a load, and two changes by others, one beside the other or one after
 * the other. The process is fenced, leaves, joins again, loses its bus; messages, acknowledgements and answers to renewals get
 * lost, and a renewal that was not answered may take effect later.
 *
 * stale: COARSE NOREREAD NOFENCE LEAFLUSH KEEP RUNLOAD GENLATE
 * stale: PLUSONE COUNTBLIND OVERLAP APPLYLATE ACKEARLY FENCEBLIND RENEWFENCED FROMANSWER LOOKEARLY
 * stale: EMPTYEARLY SERVEEARLY LEAVELATE
 * variants: PAST_STORES
 */
#define CHANGES 2
#define MEMBERS 1
#define WAITERS CHANGES

#include "cluster.pml"

bool first_committed;

proctype Change(byte w) {
  byte mine;
  w == 0 || first_committed;
#ifdef MUTANT_LOOKEARLY
  d_step {
    look_and_tell(w, w, NOBODY)
  };
#endif
  d_step {
    commit(mine);
    intent[w] = true;
    first_committed = true
  };
#ifndef MUTANT_LOOKEARLY
  d_step {
    look_and_tell(w, w, NOBODY)
  };
#endif
  do
  :: fence(w, w, 0)
  :: atomic {
       !WAITS(w, w) ->
       d_step {
         promise(mine);
         mine = 0;
         stop_waiting(w)
       };
       break
     }
  od;
  intent[w] = false
}

#ifdef MUTANT_LEAFLUSH
/* The rows are lost while those they are of rely on them. */
proctype Flush() {
  d_step {
    strike_row(0)
  }
}
#endif

init {
  atomic {
    row[0] = true;
    known[0] = true;
    serves[0] = true;
    kept[0] = true;
    doomed[0] = true;
#ifdef MUTANT_LEAFLUSH
    run Flush();
#endif
    run Member(0);
    run World(0);
    run Load(0);
    run Reader(0);
    run Change(0);
    run Change(1)
  }
}
