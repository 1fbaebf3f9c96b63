#pragma once

#include <libpq-fe.h>

namespace watchbell::sql::detail {

/// libpq's functions, under their names without `PQ`. For the .cpp files of platform/sql alone.
struct Pq {
  decltype(&::PQclear) clear;
  decltype(&::PQcmdStatus) cmdStatus;
  decltype(&::PQcmdTuples) cmdTuples;
  decltype(&::PQconnectdbParams) connectdbParams;
  decltype(&::PQconninfoFree) conninfoFree;
  decltype(&::PQconninfoParse) conninfoParse;
  decltype(&::PQconsumeInput) consumeInput;
  decltype(&::PQerrorMessage) errorMessage;
  decltype(&::PQfinish) finish;
  decltype(&::PQflush) flush;
  decltype(&::PQfname) fname;
  decltype(&::PQfreemem) freemem;
  decltype(&::PQftype) ftype;
  decltype(&::PQgetResult) getResult;
  decltype(&::PQgetisnull) getisnull;
  decltype(&::PQgetlength) getlength;
  decltype(&::PQgetvalue) getvalue;
  decltype(&::PQisBusy) isBusy;
  decltype(&::PQnfields) nfields;
  decltype(&::PQnotifies) notifies;
  decltype(&::PQntuples) ntuples;
  decltype(&::PQparameterStatus) parameterStatus;
  decltype(&::PQresultErrorField) resultErrorField;
  decltype(&::PQresultStatus) resultStatus;
  decltype(&::PQsendPrepare) sendPrepare;
  decltype(&::PQsendQuery) sendQuery;
  decltype(&::PQsendQueryPrepared) sendQueryPrepared;
  decltype(&::PQserverVersion) serverVersion;
  decltype(&::PQsetNoticeProcessor) setNoticeProcessor;
  decltype(&::PQsetnonblocking) setnonblocking;
  decltype(&::PQsocket) socket;
  decltype(&::PQstatus) status;
};

/// Loads libpq, and the fifteen libraries it brings, when it is first called: 3 MB, which a server on SQLite does without. Thread-safe. Throws Fault when
/// it is not there: its package is one that ours needs.
const Pq& pq();

}  // namespace watchbell::sql::detail
