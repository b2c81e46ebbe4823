// Package krb5conf reads krb5.conf as MIT's library reads it, with its
// included files.
//
//	krb5.conf(5)                     Read, Parse, Config
//	[domain_realm]                   Config.RealmOfHost
//	[capaths] (RFC 4120 2.7)         Config.RealmPath
//	PARAMETER EXPANSION              Config.DefaultCCache
package krb5conf
