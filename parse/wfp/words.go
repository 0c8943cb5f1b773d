package wfp

import (
	"strings"

	"mailstop/event"
)

// direction returns what the event says of the packet's way.
func (x *record) direction() event.Direction {
	s := x.values[fDirection]
	switch s {
	case "":
		return event.DirectionUnknown
	case "%%14592", "Inbound":
		return event.In
	case "%%14593", "Outbound":
		return event.Out
	case "%%14594", "%%14598", "Forward", "Forwarded":
		return event.Forward
	case "%%14595", "Bidirectional":
		return event.DirectionUnknown
	}
	for _, w := range translated {
		if strings.EqualFold(s, w.word) {
			return w.direction
		}
	}
	x.fail(errDirection)
	return event.DirectionUnknown
}

// translated are the directions in the languages of Windows.
var translated = [...]struct {
	word      string
	direction event.Direction
}{
	{"inbound", event.In},
	{"outbound", event.Out},
	{"incoming", event.In},
	{"outgoing", event.Out},
	{"Eingehend", event.In},
	{"Ausgehend", event.Out},
	{"Weiterleiten", event.Forward},
	{"Weiterleitung", event.Forward},
	{"Entrant", event.In},
	{"Sortant", event.Out},
	{"Entrante", event.In},
	{"Sortante", event.Out},
	{"Transférer", event.Forward},
	{"Saliente", event.Out},
	{"Entrada", event.In},
	{"Salida", event.Out},
	{"Saída", event.Out},
	{"De entrada", event.In},
	{"De salida", event.Out},
	{"De saída", event.Out},
	{"Reenviar", event.Forward},
	{"Encaminhar", event.Forward},
	{"In ingresso", event.In},
	{"In entrata", event.In},
	{"In uscita", event.Out},
	{"Inoltro", event.Forward},
	{"Inoltra", event.Forward},
	{"Binnenkomend", event.In},
	{"Inkomend", event.In},
	{"Uitgaand", event.Out},
	{"Doorsturen", event.Forward},
	{"Przychodzące", event.In},
	{"Przychodzący", event.In},
	{"Wychodzące", event.Out},
	{"Wychodzący", event.Out},
	{"Входящий", event.In},
	{"Входящие", event.In},
	{"Входящее", event.In},
	{"Исходящий", event.Out},
	{"Исходящие", event.Out},
	{"Исходящее", event.Out},
	{"Příchozí", event.In},
	{"Odchozí", event.Out},
	{"Bejövő", event.In},
	{"Kimenő", event.Out},
	{"Gelen", event.In},
	{"Giden", event.Out},
	{"Inkommande", event.In},
	{"Utgående", event.Out},
	{"Indgående", event.In},
	{"Udgående", event.Out},
	{"Innkommende", event.In},
	{"Saapuva", event.In},
	{"Lähtevä", event.Out},
	{"受信", event.In},
	{"送信", event.Out},
	{"入站", event.In},
	{"出站", event.Out},
	{"輸入", event.In},
	{"輸出", event.Out},
	{"인바운드", event.In},
	{"아웃바운드", event.Out},
}

const (
	layerReceiveAccept = "Receive/Accept"
	layerTransport     = "Transport"
)

// layer returns the layer's English name if the event has its token or a translation, else what the event has.
func (x *record) layer() string {
	s := x.values[fLayer]
	if len(s) == len("%%14610") && strings.HasPrefix(s, "%%14") {
		if name, ok := layers[s]; ok {
			return name
		}
	}
	switch s {
	case "Empfangen/Akzeptieren", "Empfangen/Annehmen", "Réception/Acceptation", "Recevoir/Accepter", "Recibir/Aceptar",
		"Recibir/aceptar", "Ricezione/Accettazione", "Ricevi/Accetta", "Receber/Aceitar", "Ontvangen/accepteren", "受信/受け入れ":
		return layerReceiveAccept
	case "Verbinden", "Connexion", "Se connecter", "Conectar", "Connetti", "接続":
		return "Connect"
	case "Transporte", "Trasporto", "トランスポート":
		return layerTransport
	}
	return s
}

// layers are the names of the layers' tokens in the provider's message table.
var layers = map[string]string{
	"%%14596": "IP Packet", "%%14597": layerTransport, "%%14598": "Forward", "%%14599": "Stream", "%%14600": "Datagram Data",
	"%%14601": "ICMP Error", "%%14602": "MAC 802.3", "%%14603": "MAC Native", "%%14604": "vSwitch",
	"%%14608": "Resource Assignment", "%%14609": "Listen", "%%14610": layerReceiveAccept, "%%14611": "Connect",
	"%%14612": "Flow Established", "%%14614": "Resource Release", "%%14615": "Endpoint Closure", "%%14616": "Connect Redirect",
	"%%14617": "Bind Redirect", "%%14624": "Stream Packet",
}

// byPosition gives the values without names their meaning. Versions added values behind the protocol, so that only what
// stands before is counted; the layer is the text between two numbers. False means that values are not what they have to
// be at their places.
func (x *record) byPosition(k kind) bool {
	v := x.list[:x.listed]
	put := func(fs ...field) bool {
		if len(v) < len(fs) {
			return false
		}
		for i, f := range fs {
			x.set(f, v[i])
		}
		v = v[len(fs):]
		return true
	}
	ok := false
	switch k {
	case kindPacket:
		ok = put(fProcess, fApplication, fDirection, fSource, fSourcePort, fDest, fDestPort, fProtocol)
	case kindListen, kindBind:
		ok = put(fProcess, fApplication, fSource, fSourcePort, fProtocol)
	case kindLayer2:
		return put(fDirection, fNone, fNone, fNone, fNone, fNone, fNone, fFilter, fLayer)
	case kindApplication:
		return put(fNone, fApplication)
	}
	if !ok || !x.isPlausible(k) {
		x.values = [fields]string{}
		return false
	}
	layer := 0
	for i := 1; i+1 < len(v); i++ {
		if isNumber(v[i-1]) && !isNumber(v[i]) && isNumber(v[i+1]) {
			layer = i
		}
	}
	if layer == 0 {
		if x.paired {
			x.values = [fields]string{}
		}
		return !x.paired
	}
	x.set(fFilter, v[layer-1])
	x.set(fLayer, v[layer])
	for _, s := range v[:layer-1] {
		if isNumber(s) {
			x.set(fInterface, s)
		} else {
			x.set(fOrigin, s)
		}
	}
	return true
}

// isPlausible reports whether numbers and addresses are where they belong.
func (x *record) isPlausible(k kind) bool {
	for _, f := range [...]field{fProcess, fSourcePort, fProtocol} {
		if s := x.values[f]; s != "" && !isNumber(s) {
			return false
		}
	}
	if _, ok := parseAddress(x.values[fSource]); !ok {
		return false
	}
	if k != kindPacket {
		return true
	}
	_, ok := parseAddress(x.values[fDest])
	return ok && isNumber(x.values[fDestPort]) && !isNumber(x.values[fDirection])
}

func isNumber(s string) bool {
	_, ok := number(s)
	return ok
}
