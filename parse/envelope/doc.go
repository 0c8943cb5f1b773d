package envelope

import "mailstop/parse"

var doc = parse.Doc{
	Title: "Envelopes of log shippers",
	Accepts: []string{
		"one JSON object a line, keys nested or dotted, of Filebeat, Elastic Agent, Winlogbeat, Fluent Bit, Fluentd, Vector, Logstash, " +
			"rsyslog (%jsonmesg% and own templates), syslog-ng, NXLog, journald, Splunk's HTTP collector, GELF and Graylog, " +
			"Docker, Loki, CloudWatch, Kafka Connect, Wazuh and others that keep the line in one field",
		"arrays of Fluentd's forward protocol, [tag, time, record], its files, TIME<tab>tag<tab>record, what it prints, and Fluent Bit's files, tag: [time, record]",
		"documents as Elasticsearch and Kibana give them, with lists of one; records of VictoriaLogs, Telegraf and OpenTelemetry; journalctl -o json-seq and json-sse; " +
			"PowerShell's ConvertTo-Json; the lines of Loki's logcli, TIME {labels} line",
		"Kubernetes' CRI text, TIME stdout F message",
		"envelopes in envelopes, also escaped twice, four deep",
		"what the line says of its time and host wins; the envelope gives the year and the zone that the line lacks: an offset in event.timezone, " +
			"unless the line would be of the future, else what its own time tells",
		"records without a line, since their shipper has read it, stay whole for the formats wfp, ulogd, gcp_firewall, azure_flow and ecs",
	},
	Examples: []string{
		`{"@timestamp":"2026-01-05T09:11:13.004Z","agent":{"type":"filebeat"},"host":{"name":"collector"},"log":{"file":{"path":"kern.log"},"offset":81234},"message":"Jan  5 10:11:12 mx1 kernel: [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 "}`,
		`{"msg":" [ 8123.456789] [UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ","hostname":"mx1","fromhost-ip":"192.0.2.25","syslogtag":"kernel:","timereported":"2026-01-05T10:11:12+01:00","timegenerated":"2026-01-05T10:11:12.998877+01:00","pri":"4"}`,
		`2026-01-05T09:11:13.004123456Z stderr F Jan  5 10:11:12 mx1 kernel: [UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 `,
	},
	Sources: []string{
		"https://www.elastic.co/docs/reference/ecs",
		"https://docs.fluentbit.io/manual/pipeline/outputs",
		"https://vector.dev/docs/reference/configuration/sources/syslog/",
		"https://www.rsyslog.com/doc/configuration/properties.html",
		"https://syslog-ng.github.io/admin-guide/110_Template_and_rewrite/000_Customize_message_format/005_Template_functions",
		"https://systemd.io/JOURNAL_EXPORT_FORMATS/",
		"https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector",
		"https://go2docs.graylog.org/current/getting_in_log_data/gelf.html",
		"https://docs.docker.com/engine/logging/drivers/json-file/",
		"https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md",
		"https://grafana.com/docs/loki/latest/reference/loki-http-api/",
		"https://www.elastic.co/docs/reference/ecs/ecs-event#field-event-timezone",
		"https://opentelemetry.io/docs/specs/otel/logs/data-model/",
		"https://docs.victoriametrics.com/victorialogs/keyconcepts/",
		"https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/ValidateLogEventFlow.html",
	},
}
