package valkey

// ACL is what a server's user has to be allowed, as arguments of ACL SETUSER
// behind a pattern of keys, ~{PREFIX:*.
var ACL = []string{
	"-@all", "+hello", "+auth", "+ping", "+client|setname", "+client|tracking", "+client|caching",
	"+select", "+set", "+get", "+mget", "+getrange", "+del", "+eval", "+time", "+info", "+wait", "+multi", "+exec",
	"+pttl", "+pexpire", "+zadd", "+zrem", "+zcard", "+zcount", "+zremrangebyscore", "+cluster|slots", "+cluster|shards",
}
